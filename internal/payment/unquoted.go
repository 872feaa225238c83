package payment

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
)

// plainErrors say what they say without a word of anybody's.
var plainErrors = []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF}

// errOdd stands for whatever else went wrong on the way.
var errOdd = errors.New("the answer is not HTTP")

// Unquoted is what may be told of why a request to a payment service had no answer: that
// the time was up, that nobody listened, that a certificate did not fit. Anything else may
// quote what the other side sent, in which payers may stand; and net/url puts the address
// into its errors. Neither is in what it returns.
func Unquoted(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	_, network := errors.AsType[*net.OpError](err)
	_, strange := errors.AsType[*tls.CertificateVerificationError](err)
	slow, waits := errors.AsType[net.Error](err)
	if err == nil || network || strange || waits && slow.Timeout() || slices.ContainsFunc(plainErrors, func(p error) bool { return errors.Is(err, p) }) {
		return err
	}
	return errOdd
}
