package bucket

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/minio/minio-go/v7"
)

// Get opens a file. One that is read slowly, or whose connection breaks, is gone on
// with where it stopped.
func (b *Bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	d := &download{b: b, ctx: ctx, key: b.prefix + name}
	if err := d.open(); err != nil {
		if minio.ToErrorResponse(err).Code == "NoSuchKey" {
			return nil, fmt.Errorf("%s/%s: %w", b.String(), name, os.ErrNotExist)
		}
		return nil, b.told("get "+name, err)
	}
	return stream{d.read, func() error { return d.in.Close() }}, nil
}

type stream struct {
	read  func([]byte) (int, error)
	close func() error
}

// Read implements io.Reader.
func (s stream) Read(p []byte) (int, error) { return s.read(p) }

// Close implements io.Closer.
func (s stream) Close() error { return s.close() }

type download struct {
	b    *Bucket
	ctx  context.Context
	key  string
	in   io.ReadCloser
	etag string
	at   int64
	size int64
	lost int // connections, since the last byte
}

func (d *download) open() error {
	var o minio.GetObjectOptions
	if d.at > 0 {
		if err := o.SetRange(d.at, d.size-1); err != nil {
			return err
		}
		// The same file, not one that has taken its place.
		if err := o.SetMatchETag(d.etag); err != nil {
			return err
		}
	}
	in, info, _, err := d.b.core.GetObject(d.ctx, d.b.name, d.key, o)
	if err != nil {
		return err
	}
	if d.in = in; d.at == 0 {
		d.etag, d.size = info.ETag, info.Size
	}
	return nil
}

func (d *download) read(p []byte) (int, error) {
	for {
		if d.at >= d.size {
			return 0, io.EOF
		}
		n, err := d.in.Read(p[:min(int64(len(p)), d.size-d.at)])
		if d.at += int64(n); n > 0 {
			d.lost = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		if d.lost++; d.lost >= tries || d.ctx.Err() != nil {
			return 0, d.b.told(fmt.Sprintf("get %s, cut off at byte %d", d.key, d.at), err)
		}
		d.in.Close()
		if err := d.open(); err != nil {
			d.in = io.NopCloser(nobody{})
			return 0, d.b.told(fmt.Sprintf("get %s, cut off at byte %d", d.key, d.at), err)
		}
	}
}

type nobody struct{}

func (nobody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
