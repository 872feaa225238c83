package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// Parts grow, so that ten thousand of them, which is what the protocol has, hold
// terabytes and a short file needs little memory.
const (
	firstPart = 8 << 20
	growEvery = 1000
)

// upload is a file on its way. One part goes up while the next one is written.
type upload struct {
	b     *Bucket
	ctx   context.Context
	key   string
	id    string // of the upload in parts; "" while one part is enough
	buf   *bytes.Buffer
	spare *bytes.Buffer
	under chan error // the part under way
	parts []minio.CompletePart
	sent  int64 // bytes
	size  int64 // of the whole, once it is known
}

// Put keeps what write writes under a name, whole or not at all.
func (b *Bucket) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	there, err := b.size(ctx, name)
	if err != nil {
		return err
	}
	if there >= 0 {
		return fmt.Errorf("%s/%s is there already", b.String(), name)
	}
	u := &upload{b: b, ctx: ctx, key: b.prefix + name, buf: &bytes.Buffer{}, spare: &bytes.Buffer{}}
	if err = write(writer(u.write)); err == nil {
		err = u.finish()
	}
	if err == nil {
		return nil
	}
	u.wait()
	if u.id != "" {
		// A short while, whatever the reason: what stays is removed another day.
		brief, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer stop()
		_ = b.core.AbortMultipartUpload(brief, b.name, u.key, u.id)
	}
	// The last answer may have been lost on its way.
	if u.size > 0 {
		if there, again := b.size(ctx, name); again == nil && there == u.size {
			return nil
		}
	}
	return b.told("put "+name, err)
}

// size is that of a file; -1 where there is none.
func (b *Bucket) size(ctx context.Context, name string) (int64, error) {
	list, err := b.List(ctx, name)
	if err != nil {
		return 0, err
	}
	for _, o := range list {
		if o.Name == name {
			return o.Size, nil
		}
	}
	return -1, nil
}

type writer func([]byte) (int, error)

// Write implements io.Writer.
func (w writer) Write(p []byte) (int, error) { return w(p) }

func (u *upload) write(p []byte) (n int, err error) {
	for len(p) > 0 {
		room := u.b.part<<min(len(u.parts)/growEvery, 9) - u.buf.Len()
		if room == 0 {
			if err := u.send(); err != nil {
				return n, err
			}
			continue
		}
		k, err := u.buf.Write(p[:min(room, len(p))])
		n, p = n+k, p[k:]
		if err != nil {
			return n, err
		}
	}
	return n, u.ctx.Err()
}

// send lets the part that is full go up, once the one before is there.
func (u *upload) send() error {
	if err := u.wait(); err != nil {
		return err
	}
	if u.id == "" {
		var err error
		if u.id, err = u.b.core.NewMultipartUpload(u.ctx, u.b.name, u.key, minio.PutObjectOptions{ContentType: binary, DisableMultipart: true}); err != nil {
			return err
		}
	}
	u.parts = append(u.parts, minio.CompletePart{PartNumber: len(u.parts) + 1})
	part, full := &u.parts[len(u.parts)-1], u.buf.Bytes()
	u.sent += int64(len(full))
	u.under = make(chan error, 1)
	go func(done chan<- error) {
		sum := sha256.Sum256(full)
		got, err := u.b.core.PutObjectPart(u.ctx, u.b.name, u.key, u.id, part.PartNumber, bytes.NewReader(full), int64(len(full)), minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:])})
		part.ETag = got.ETag
		done <- err
	}(u.under)
	u.buf, u.spare = u.spare, u.buf
	u.buf.Reset()
	return nil
}

// wait waits for the part that is under way.
func (u *upload) wait() error {
	if u.under == nil {
		return nil
	}
	err := <-u.under
	u.under = nil
	return err
}

const binary = "application/octet-stream"

// finish makes an object of what was written.
func (u *upload) finish() error {
	if u.id == "" {
		sum := sha256.Sum256(u.buf.Bytes())
		u.size = int64(u.buf.Len())
		_, err := u.b.core.PutObject(u.ctx, u.b.name, u.key, bytes.NewReader(u.buf.Bytes()), u.size, "", hex.EncodeToString(sum[:]), minio.PutObjectOptions{ContentType: binary})
		return err
	}
	if err := errors.Join(u.send(), u.wait()); err != nil {
		return err
	}
	u.size = u.sent
	_, err := u.b.core.CompleteMultipartUpload(u.ctx, u.b.name, u.key, u.id, u.parts, minio.PutObjectOptions{})
	return err
}
