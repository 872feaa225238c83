// Package bucket keeps files in object storage that speaks S3.
//
// A file is there whole or not at all: a long one goes up in parts, which become
// an object by one last question. What is cut off in between is no object, shows in
// no list, and is removed a day later.
//
// Nothing that leads to minio's client ever becomes an interface: the linker would
// then keep all of its methods, twice the size of what is used. So what is handed
// out is made of functions.
//
// It knows the protocol, by way of minio-go, and how long to wait for whom. It does
// not know what the files are. Start reading at Open.
package bucket

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

const (
	// patience is how long nothing may move before a connection is given up.
	patience = time.Minute
	// tries is how often a question is asked that had no good answer.
	tries = 5
	// leftover is how old an upload must be to be taken for one that was cut off.
	leftover = 24 * time.Hour
)

// Settings say where the storage is and who asks.
type Settings struct {
	Endpoint  string // https://HOST[:PORT]; http only on a loopback address
	Region    string // "" asks the storage
	AccessKey string
	SecretKey string
	CAFile    string // certificates to trust besides the system's; "" for none

	Patience time.Duration // 0 is a minute
}

// Bucket is a place in the storage. It is safe for concurrent use.
type Bucket struct {
	core   *minio.Core
	name   string
	prefix string // "" or ends in /
	part   int    // size of the first parts
}

// Parse reads s3://BUCKET or s3://BUCKET/PREFIX and gives the one way to write it.
func Parse(address string) (name, prefix string, err error) {
	rest, ok := strings.CutPrefix(address, "s3://")
	if !ok {
		return "", "", fmt.Errorf("%q is not s3://BUCKET/PREFIX", address)
	}
	name, prefix, _ = strings.Cut(rest, "/")
	if s3utils.CheckValidBucketNameStrict(name) != nil {
		return "", "", fmt.Errorf("%q is not the name of a bucket", name)
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		if path.Clean(prefix) != prefix || strings.HasPrefix(prefix, "..") || strings.ContainsAny(prefix, "?#%\\ ") {
			return "", "", fmt.Errorf("%q is not a prefix: plain names with / between them", prefix)
		}
		prefix += "/"
	}
	return name, prefix, nil
}

// Open checks settings and address. It asks nothing yet.
func Open(address string, s Settings) (*Bucket, error) {
	name, prefix, err := Parse(address)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, errors.New("the endpoint of the storage has to be an https:// address")
	}
	if u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("the endpoint of the storage is scheme, host and port only")
	}
	if s.AccessKey == "" || s.SecretKey == "" {
		return nil, errors.New("the storage needs an access key and a secret key")
	}
	roots, err := trusted(s.CAFile)
	if err != nil {
		return nil, err
	}
	if s.Patience == 0 {
		s.Patience = patience
	}
	core, err := minio.NewCore(u.Host, &minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Secure: u.Scheme == "https",
		Region: s.Region, MaxRetries: tries, Transport: transport(roots, s.Patience)})
	if err != nil {
		return nil, fmt.Errorf("the settings of the storage: %w", err)
	}
	return &Bucket{core, name, prefix, firstPart}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil // the system's
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificates of the storage: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("certificates of the storage: %s holds none", file)
	}
	return pool, nil
}

// transport gives a connection up on which nothing moves. Files may be long, so
// there is no bound for a whole one. HTTP/2 is off: on it other streams would look
// like movement.
func transport(roots *x509.CertPool, patience time.Duration) http.RoundTripper {
	dial := &net.Dialer{Timeout: min(patience, 10*time.Second)}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return moving{c, patience}, nil
		},
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSNextProto:          map[string]func(string, *tls.Conn) http.RoundTripper{},
		TLSHandshakeTimeout:   min(patience, 10*time.Second),
		ResponseHeaderTimeout: patience,
		IdleConnTimeout:       30 * time.Second,
		DisableCompression:    true,
	}
}

// moving is a connection that fails when nothing moves for too long.
type moving struct {
	net.Conn
	patience time.Duration
}

func (m moving) Read(b []byte) (int, error) {
	if err := m.SetReadDeadline(time.Now().Add(m.patience)); err != nil {
		return 0, err
	}
	return m.Conn.Read(b)
}

func (m moving) Write(b []byte) (int, error) {
	if err := m.SetWriteDeadline(time.Now().Add(m.patience)); err != nil {
		return 0, err
	}
	return m.Conn.Write(b)
}

// String is the address.
func (b *Bucket) String() string { return strings.TrimSuffix("s3://"+b.name+"/"+b.prefix, "/") }

// Object is a file in the bucket.
type Object struct {
	Name string // below the prefix
	Size int64
}

// List tells of the files whose names begin so, in order.
func (b *Bucket) List(ctx context.Context, begin string) ([]Object, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var out []Object
	for o := range b.core.Client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + begin}) {
		if o.Err != nil {
			return nil, b.told("list", o.Err)
		}
		if name := strings.TrimPrefix(o.Key, b.prefix); !strings.HasSuffix(name, "/") {
			out = append(out, Object{name, o.Size})
		}
	}
	return out, nil
}

// Delete removes a file. Where the bucket keeps old versions, these go too: what is
// deleted must be gone. One that is gone already is no error.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	key := b.prefix + name
	if err := b.core.RemoveObject(ctx, b.name, key, minio.RemoveObjectOptions{}); err != nil {
		return b.told("delete "+name, err)
	}
	versions, err := b.core.GetBucketVersioning(ctx, b.name)
	if err != nil || versions.Status == "" {
		return nil // it never kept any, or does not know what they are
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for o := range b.core.Client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: key, WithVersions: true}) {
		if o.Err != nil {
			return b.told("find old versions of "+name, o.Err)
		}
		if o.Key != key {
			continue
		}
		if err := b.core.RemoveObject(ctx, b.name, key, minio.RemoveObjectOptions{VersionID: o.VersionID}); err != nil {
			return b.told("delete an old version of "+name, err)
		}
	}
	return nil
}

// Tidy ends the uploads of files whose names begin so that were cut off a day ago
// or earlier. Younger ones may be under way.
func (b *Bucket) Tidy(ctx context.Context, begin string, now time.Time) error {
	list, err := b.core.ListMultipartUploads(ctx, b.name, b.prefix+begin, "", "", "", 1000)
	if err != nil {
		return b.told("look for uploads that were cut off", err)
	}
	for _, u := range list.Uploads {
		if now.Sub(u.Initiated) < leftover {
			continue
		}
		if err := b.core.AbortMultipartUpload(ctx, b.name, u.Key, u.UploadID); err != nil && minio.ToErrorResponse(err).Code != "NoSuchUpload" {
			return b.told("end an upload that was cut off", err)
		}
	}
	return nil
}

// told says in one sentence what was to be done and what the storage said.
func (b *Bucket) told(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	said := minio.ToErrorResponse(err)
	if said.StatusCode == 0 {
		return fmt.Errorf("%s: %s: %w", b.String(), what, err)
	}
	return fmt.Errorf("%s: %s: the storage answers %d, %s: %w", b.String(), what, said.StatusCode, said.Code, err)
}
