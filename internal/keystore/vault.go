package keystore

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

// Vault wraps keys with the transit engine of HashiCorp Vault or OpenBao, by its
// HTTP interface (developer.hashicorp.com/vault/api-docs/secret/transit). Each of
// our keys is a key of the engine, of type aes256-gcm96. The token needs, below
// the engine's path: create and update on keys/cartkeep-*, keys/cartkeep-*/config,
// encrypt/cartkeep-* and decrypt/cartkeep-*, and delete on keys/cartkeep-*.
type Vault struct {
	address   string // https://host:port
	mount     string
	namespace string
	token     func() (string, error)
	client    *http.Client
}

// VaultSettings say where a Vault is.
type VaultSettings struct {
	Address   string // https://HOST:PORT; http only on a loopback address
	Mount     string // of the transit engine; "" is transit
	Namespace string // "" for none
	// TokenFile is read afresh each time: an agent may renew what is in it.
	TokenFile string
	CAFile    string // certificates to trust besides the system's; "" for none
}

// NewVault checks settings. It asks nothing yet.
func NewVault(s VaultSettings) (*Vault, error) {
	u, err := url.Parse(s.Address)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, errors.New("vault: give an https:// address")
	}
	if u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("vault: the address is scheme, host and port only")
	}
	if s.TokenFile == "" {
		return nil, errors.New("vault: name a file with the token")
	}
	if s.Mount == "" {
		s.Mount = "transit"
	}
	roots, err := trusted(s.CAFile)
	if err != nil {
		return nil, err
	}
	return &Vault{address: u.Scheme + "://" + u.Host, mount: strings.Trim(s.Mount, "/"), namespace: s.Namespace,
		token: func() (string, error) {
			b, err := os.ReadFile(s.TokenFile)
			if err != nil {
				return "", errors.New("the file with the token can't be read")
			}
			return strings.TrimSpace(string(b)), nil
		},
		client: &http.Client{
			Timeout:       attemptFor,
			Transport:     &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a token follows nobody
		}}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("vault: no certificate in the file of those to trust")
	}
	return pool, nil
}

// Name is "vault HOST MOUNT".
func (v *Vault) Name() string { return "vault " + v.address + " " + v.mount }

// New makes a key of the engine. Asking again for one that is there changes nothing.
func (v *Vault) New(ctx context.Context, key string) error {
	return v.ask(ctx, "POST", "keys/"+key, map[string]any{"type": "aes256-gcm96"}, nil)
}

// Wrap encrypts by the engine.
func (v *Vault) Wrap(ctx context.Context, key string, data []byte) ([]byte, error) {
	var got struct{ Ciphertext string }
	err := v.ask(ctx, "POST", "encrypt/"+key, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(data)}, &got)
	return []byte(got.Ciphertext), err
}

// Unwrap decrypts by the engine.
func (v *Vault) Unwrap(ctx context.Context, key string, wrapped []byte) ([]byte, error) {
	var got struct{ Plaintext []byte } // base64
	err := v.ask(ctx, "POST", "decrypt/"+key, map[string]any{"ciphertext": string(wrapped)}, &got)
	return got.Plaintext, err
}

// Delete lets the engine delete a key, and has it deleted.
func (v *Vault) Delete(ctx context.Context, key string) error {
	err := v.ask(ctx, "POST", "keys/"+key+"/config", map[string]any{"deletion_allowed": true}, nil)
	if errors.Is(err, errNoKey) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := v.ask(ctx, "DELETE", "keys/"+key, nil, nil); err != nil && !errors.Is(err, errNoKey) {
		return err
	}
	return nil
}

// noKey are the engine's words for it: "encryption key not found", "could not
// delete key; not found", "no existing key named N could be found".
var noKey = regexp.MustCompile(`not found|no existing key named .* could be found`)

// errNoKey means that the engine has no such key.
var errNoKey = errors.New("there is no such key")

// ask asks once or, where that may help, several times.
func (v *Vault) ask(ctx context.Context, method, path string, body any, into any) error {
	return steadily(ctx, func() error { return v.once(ctx, method, path, body, into) })
}

const maxAnswer = 64 << 10

func (v *Vault) once(ctx context.Context, method, path string, body any, into any) error {
	token, err := v.token()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	defer clear(text)
	req, err := http.NewRequestWithContext(ctx, method, v.address+"/v1/"+v.mount+"/"+path, bytes.NewReader(text))
	if err != nil {
		return errors.New("vault: the path of the engine is none")
	}
	req.Header.Set("X-Vault-Token", token)
	req.Header.Set("X-Vault-Request", "true")
	if v.namespace != "" {
		req.Header.Set("X-Vault-Namespace", v.namespace)
	}
	res, err := v.client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrUnreachable, kind(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	defer clear(answer)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrUnreachable, kind(err))
	}
	switch {
	case res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNoContent:
	case res.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: it is sealed or starting (503)", ErrUnreachable)
	case res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%w: status %d", ErrUnreachable, res.StatusCode)
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusBadRequest && noKey.Match(answer):
		return fmt.Errorf("%w: %w, or no engine at %s", ErrRefused, errNoKey, v.mount)
	case res.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: the token may not do this (403)", ErrRefused)
	default:
		return fmt.Errorf("%w: status %d", ErrRefused, res.StatusCode)
	}
	if into == nil {
		return nil
	}
	var whole struct{ Data json.RawMessage }
	if err := json.Unmarshal(answer, &whole); err != nil || json.Unmarshal(whole.Data, into) != nil {
		return fmt.Errorf("%w: its answer is not understood", ErrDamaged)
	}
	return nil
}

// kind tells what went wrong on the way without the words of the error, which
// may quote an address with more in it than a host.
func kind(err error) string {
	var timeout interface{ Timeout() bool }
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is of nobody we trust"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long"
	default:
		return "no connection"
	}
}

const (
	attempts   = 3
	attemptFor = 5 * time.Second
)

// steadily tries again when the provider does not answer, a little later each time.
func steadily(ctx context.Context, try func() error) error {
	pause := 200 * time.Millisecond
	for n := 1; ; n++ {
		err := try()
		if n == attempts || !errors.Is(err, ErrUnreachable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause *= 3
	}
}
