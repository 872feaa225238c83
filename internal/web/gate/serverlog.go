package gate

import (
	"context"
	"log/slog"
)

// withoutAddresses hides visitors' addresses in what net/http itself logs,
// such as failed handshakes.
type withoutAddresses struct{ next slog.Handler }

func (h withoutAddresses) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h withoutAddresses) Handle(ctx context.Context, rec slog.Record) error {
	clean := slog.NewRecord(rec.Time, rec.Level, "server", rec.PC)
	clean.AddAttrs(slog.String("said", hideAddresses(rec.Message)))
	return h.next.Handle(ctx, clean)
}

func (h withoutAddresses) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutAddresses{h.next.WithAttrs(attrs)}
}

func (h withoutAddresses) WithGroup(name string) slog.Handler {
	return withoutAddresses{h.next.WithGroup(name)}
}
