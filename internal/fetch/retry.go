package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// At most this often is a server asked, and at most this long waited for it in between, for one file.
const (
	maxAttempts = 4
	maxWait     = 2 * time.Minute
	firstWait   = 500 * time.Millisecond
)

// Clock tells the time and waits.
type Clock struct {
	Now func() time.Time
	// Sleep waits for d, or returns the context's error as soon as it ends.
	Sleep func(ctx context.Context, d time.Duration) error
}

func systemClock() Clock {
	return Clock{Now: time.Now, Sleep: func(ctx context.Context, d time.Duration) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		}
	}}
}

// retry calls try until it succeeds, fails for good, or the attempts or the time are used up.
//
// One loop serves both what the server answers and how its body arrives. go-retryablehttp knows only the former, waits without limit if
// Retry-After says so, and does not let its clock be set; a loop around its loop would multiply the attempts.
func (c *Cache) retry(ctx context.Context, url string, try func(context.Context) error) error {
	wait, left := firstWait, maxWait
	for attempt := 1; ; attempt++ {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var status *StatusError
		isStatus := errors.As(err, &status)
		if isStatus {
			status.Attempts = attempt
		}
		if !transient(err) {
			return describe(err, url, attempt)
		}
		pause := wait
		if isStatus {
			if asked, ok := parseRetryAfter(status.RetryAfter, c.Clock.Now()); ok {
				pause = asked
			}
		}
		if attempt == maxAttempts || pause > left {
			return describe(err, url, attempt)
		}
		if err := c.Clock.Sleep(ctx, pause); err != nil {
			return err
		}
		left -= pause
		wait *= 2
	}
}

// describe adds to a failed transfer what was asked for; the other errors say so themselves.
func describe(err error, url string, attempts int) error {
	var broken *transferError
	switch {
	case !errors.As(err, &broken):
		return err
	case attempts > 1:
		return fmt.Errorf("cannot fetch %s (%d attempts): %w", redact(url), attempts, err)
	default:
		return fmt.Errorf("cannot fetch %s: %w", redact(url), err)
	}
}

// transient says whether the same request may succeed a little later.
func transient(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		return retriable(status.Code)
	}
	var broken *transferError
	if !errors.As(err, &broken) {
		return false
	}
	var certificate *tls.CertificateVerificationError
	return !errors.Is(err, errRedirect) && !errors.As(err, &certificate)
}

func retriable(code int) bool {
	switch code {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return false
}

// parseRetryAfter reads the field's two forms, seconds and an HTTP date (RFC 9110, section 10.2.3).
func parseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0), true
	}
	return 0, false
}
