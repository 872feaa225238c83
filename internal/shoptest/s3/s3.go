// Package s3 starts object storage for tests: Versity's S3 gateway over a temporary
// folder. It is a real server with its own implementation of the protocol, built
// from the module in tools/s3, which the product does not know.
//
// Start reading at Start.
package s3

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/cartkeep/cartkeep/internal/certs"
)

// RequireEnv names the environment variable that turns a skip for want of the
// gateway into a failure. make test sets it.
const RequireEnv = "CARTKEEP_TEST_REQUIRE"

// Bucket is the bucket that there is at first.
const Bucket = "copies"

// Server is a running gateway.
type Server struct {
	Endpoint string // http://127.0.0.1:PORT, or https://localhost:PORT
	CAFile   string // what to trust, of one with TLS
	Access   string
	Secret   string
}

// build finds the gateway in the build cache, or builds it.
var build = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.Command("go", "tool", "-n", "versitygw")
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..", "..", "tools", "s3")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("build the S3 gateway in %s: %w", cmd.Dir, err)
	}
	return strings.TrimSpace(string(out)), nil
})

// Start starts a gateway that ends with the test.
func Start(t testing.TB, withTLS bool) *Server {
	t.Helper()
	binary, err := build()
	if err != nil && os.Getenv(RequireEnv) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Access: "tester", Secret: rand.Text()}
	dir := t.TempDir()
	var folders []string
	for _, name := range []string{"objects", "versions", "marks"} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, path)
	}
	address := free(t)
	args := []string{"--port", address, "--quiet"}
	s.Endpoint = "http://" + address
	if withTLS {
		_, port, _ := net.SplitHostPort(address)
		s.Endpoint = "https://localhost:" + port
		args = append(args, s.certificate(t, dir)...)
	}
	args = append(args, "posix", "--versioning-dir", folders[1], "--sidecar", folders[2], folders[0])
	// The shell ends the gateway when the pipe closes, and so when this process does.
	cmd := exec.Command("sh", append([]string{"-c", `"$0" "$@" < /dev/null & pid=$!; cat > /dev/null; kill $pid; wait $pid`, binary}, args...)...)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.Access, "ROOT_SECRET_KEY="+s.Secret)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		alive.Close()
		_ = cmd.Wait() // its status is that of a kill
	})
	client := s.Client(t)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for {
		err := client.MakeBucket(ctx, Bucket, minio.MakeBucketOptions{})
		if err == nil {
			return s
		}
		if ctx.Err() != nil {
			t.Fatalf("the S3 gateway does not answer: %v\n%s", err, said.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// free is an address that nobody listens at just now.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// certificate makes one for localhost, and what to trust.
func (s *Server) certificate(t testing.TB, dir string) []string {
	t.Helper()
	authority, err := certs.Local(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.CAFile = authority.CAFile()
	return []string{"--cert", filepath.Join(dir, "leaf.pem"), "--key", filepath.Join(dir, "leaf.key")}
}

// Client speaks to the gateway as its owner, past everything of ours.
func (s *Server) Client(t testing.TB) *minio.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if s.CAFile != "" {
		text, err := os.ReadFile(s.CAFile)
		if err != nil || !roots.AppendCertsFromPEM(text) {
			t.Fatal("no certificate to trust", err)
		}
	}
	scheme, host, _ := strings.Cut(s.Endpoint, "://")
	c, err := minio.New(host, &minio.Options{Creds: credentials.NewStaticV4(s.Access, s.Secret, ""), Secure: scheme == "https", MaxRetries: 1,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
