package certs

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// quiet gives certmagic a logger that ends in ours. Of its many attributes only
// those below pass: the others tell visitors' addresses and the account's
// contact, which have no business in a log.
func quiet(log *slog.Logger, email string) *zap.Logger {
	if log == nil {
		return zap.NewNop()
	}
	return zap.New(&bridge{log: log, email: email})
}

func passes(key string) bool {
	switch key {
	case "subject", "subjects", "identifier", "identifiers", "domain", "issuer", "ca", "challenge_type",
		"attempt", "max_attempts", "retrying_in", "remaining", "error":
		return true
	}
	return false
}

// bridge is a zapcore.Core that writes to slog.
type bridge struct {
	log   *slog.Logger
	email string
	with  []slog.Attr
}

func (b *bridge) Enabled(l zapcore.Level) bool {
	return l >= zapcore.InfoLevel && b.log.Enabled(context.Background(), level(l))
}

func (b *bridge) With(fields []zapcore.Field) zapcore.Core {
	next := *b
	next.with = append(b.with[:len(b.with):len(b.with)], b.attrs(fields)...)
	return &next
}

func (b *bridge) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return c.AddCore(e, b)
	}
	return c
}

func (b *bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	attrs := append(b.with[:len(b.with):len(b.with)], b.attrs(fields)...)
	b.log.LogAttrs(context.Background(), level(e.Level), "certificate: "+b.clean(e.Message), attrs...)
	return nil
}

func (b *bridge) Sync() error { return nil }

func (b *bridge) attrs(fields []zapcore.Field) []slog.Attr {
	var out []slog.Attr
	for _, f := range fields {
		if !passes(f.Key) {
			continue
		}
		m := zapcore.NewMapObjectEncoder()
		f.AddTo(m)
		out = append(out, slog.String(f.Key, b.clean(fmt.Sprint(m.Fields[f.Key]))))
	}
	return out
}

// clean takes the account's address out, which some authorities repeat in errors.
func (b *bridge) clean(s string) string { return strings.ReplaceAll(s, b.email, "[email]") }

func level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
