package backup

import (
	"context"
	"io"
	"time"

	"github.com/cartkeep/cartkeep/internal/bucket"
)

// objects is a target in object storage. It is made of functions, for the reason
// that package bucket gives.
type objects struct {
	where  string
	put    func(ctx context.Context, name string, write func(io.Writer) error) error
	get    func(ctx context.Context, name string) (io.ReadCloser, error)
	list   func(ctx context.Context, begin string) ([]bucket.Object, error)
	delete func(ctx context.Context, name string) error
	tidy   func(ctx context.Context, begin string, now time.Time) error
}

// InBucket makes a target of a bucket.
func InBucket(b *bucket.Bucket) Target {
	return objects{b.String(), b.Put, b.Get, b.List, b.Delete, b.Tidy}
}

// String is its address.
func (o objects) String() string { return o.where }

// Put keeps a part.
func (o objects) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	return o.put(ctx, name, write)
}

// Get opens a part.
func (o objects) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	return o.get(ctx, name)
}

// List tells of the parts.
func (o objects) List(ctx context.Context) ([]Stored, error) {
	list, err := o.list(ctx, "cartkeep-")
	if err != nil {
		return nil, err
	}
	var out []Stored
	for _, f := range list {
		if _, _, _, ok := parseName(f.Name); ok {
			out = append(out, Stored{f.Name, f.Size})
		}
	}
	return out, nil
}

// Delete removes a part.
func (o objects) Delete(ctx context.Context, name string) error { return o.delete(ctx, name) }

// Tidy ends uploads that were cut off a day ago.
func (o objects) Tidy(ctx context.Context, shop8 string) error {
	return o.tidy(ctx, "cartkeep-"+shop8+"-", time.Now())
}
