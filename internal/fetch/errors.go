package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// IntegrityError says that a server sent other content than the pinned one.
type IntegrityError struct {
	URL       string // without user, password, query and fragment
	Want, Got Digest
}

func (e *IntegrityError) Error() string {
	return fmt.Sprintf("%s has the wrong content: the lock pins %s, the server sent %s; "+
		"if the server was not tampered with, lock again and review the change", e.URL, e.Want, e.Got)
}

// SizeError says that a server sent, or announced, more than the request allows.
type SizeError struct {
	URL string // without user, password, query and fragment
	Max int64  // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s is larger than the %d bytes that are allowed here", e.URL, e.Max)
}

// StatusError says that a server answered with another HTTP status than 200, after retrying where that made sense.
type StatusError struct {
	URL      string // without user, password, query and fragment
	Code     int
	Attempts int
	// RetryAfter is how the server asks to wait, in its own words; empty if it does not.
	RetryAfter string
}

func (e *StatusError) Error() string {
	var advice string
	switch {
	case e.Code == http.StatusUnauthorized:
		advice = "it wants credentials: configure a valid token for this host"
	case e.Code == http.StatusForbidden:
		advice = "the credentials, or their absence, do not allow this: check the token and its rights"
	case e.Code == http.StatusNotFound:
		advice = "there is no such file: check the name, the version and which registry or mirror is configured"
	case e.RetryAfter != "":
		advice = fmt.Sprintf("it asks to wait (Retry-After: %s): try again then", e.RetryAfter)
	case retriable(e.Code):
		advice = "the trouble is the server's: try again later"
	default:
		advice = "check the address and which registry or mirror is configured"
	}
	tries := ""
	if e.Attempts > 1 {
		tries = fmt.Sprintf(" (%d attempts)", e.Attempts)
	}
	return fmt.Sprintf("%s answered %s%s; %s", e.URL, strings.TrimSpace(fmt.Sprint(e.Code, " ", http.StatusText(e.Code))), tries, advice)
}

// errRedirect marks a redirect that is not followed.
var errRedirect = errors.New("redirect refused")

// redact returns a URL without the parts that may hold a secret.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(a URL that cannot be parsed)"
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
