package credit

import (
	"fmt"
	"log/slog"
)

// Format prints [code], whatever the verb: a code is money.
func (Code) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[code]") }

// LogValue is [code].
func (Code) LogValue() slog.Value { return slog.StringValue("[code]") }

// MarshalText is [code].
func (Code) MarshalText() ([]byte, error) { return []byte("[code]"), nil }
