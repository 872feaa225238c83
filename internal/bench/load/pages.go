package load

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Product returns the path of the page of one product of a shop.
func Product(ctx context.Context, base string, roots *x509.CertPool) (string, error) {
	client := Client(roots, 1)
	defer client.CloseIdleConnections()
	var list struct {
		Products []struct {
			Handle string `json:"handle"`
		} `json:"products"`
	}
	u := user{client: client, plan: Plan{Base: base}}
	if err := u.call(ctx, http.MethodGet, "/api/v1/products?limit=1", nil, http.StatusOK, &list); err != nil {
		return "", err
	}
	if len(list.Products) == 0 {
		return "", fmt.Errorf("the shop has no product")
	}
	return "/products/" + url.PathEscape(list.Products[0].Handle), nil
}

// Fetch returns one page.
func Fetch(ctx context.Context, address string, roots *x509.CertPool) ([]byte, error) {
	client := Client(roots, 1)
	defer client.CloseIdleConnections()
	return fetch(ctx, client, address)
}

func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // so that both sides send the same
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("got status %d for %s", answer.StatusCode, address)
	}
	return page, err
}

// Pages asks for one page again and again and returns how often a second it
// came.
func Pages(ctx context.Context, address string, roots *x509.CertPool, clients int, d time.Duration) (float64, error) {
	client := Client(roots, clients)
	defer client.CloseIdleConnections()
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var count atomic.Int64
	var problem atomic.Pointer[error]
	var running sync.WaitGroup
	start := time.Now()
	for range clients {
		running.Go(func() {
			for limited.Err() == nil {
				switch _, err := fetch(limited, client, address); {
				case err == nil:
					count.Add(1)
				case limited.Err() == nil:
					problem.Store(&err)
					cancel()
				}
			}
		})
	}
	running.Wait()
	if err := problem.Load(); err != nil {
		return 0, *err
	}
	return float64(count.Load()) / time.Since(start).Seconds(), ctx.Err()
}
