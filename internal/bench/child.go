package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cartkeep/cartkeep/internal/bench/yardstick"
)

// serveWord is the first argument of this program when it is the server.
const serveWord = "serve"

// readyWord begins the line in which the server tells its address.
const readyWord = "ready "

func startSelf(ctx context.Context, what, value string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, readyWord, nil, self, serveWord, what, value)
}

// startYardstick serves the plainest cart in a process of its own.
func startYardstick(ctx context.Context, database string) (*server, error) {
	return startSelf(ctx, "yardstick", database)
}

// startBytes serves one page and nothing else in a process of its own.
func startBytes(ctx context.Context, page []byte) (*server, error) {
	f, err := os.CreateTemp("", "cartkeep-page-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a leftover of a few kilobytes
	_, err = f.Write(page)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return startSelf(ctx, "bytes", f.Name())
}

// serve is what this program does when it was started by itself.
func serve(args []string) error {
	if len(args) != 2 {
		return errors.New("this is started by bench itself")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var handler http.Handler
	switch what, value := args[0], args[1]; what {
	case "yardstick":
		shop, err := yardstick.New(ctx, value)
		if err != nil {
			return err
		}
		defer shop.Close() //nolint:errcheck // nothing is asked of it any more
		handler = shop
	case "bytes":
		page, err := os.ReadFile(value)
		if err != nil {
			return err
		}
		handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(page) // the client is gone; nobody to tell
		})
	default:
		return errors.New("unknown server")
	}
	cert, err := certificate()
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return err
	}
	fmt.Println(readyWord + "https://" + listener.Addr().String())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // Serve returns and tells
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// certificate makes one for 127.0.0.1, of the same kind as the shop's.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
