// Package fetch downloads files that are pinned by a digest and keeps each one under that digest, so that it is downloaded once and never
// trusted unchecked.
//
// It alone decides how Slipway behaves towards a server: what is retried and how long, which redirects are followed, and who gets to see
// credentials. Its errors name a URL without user, password and query, for these may be secrets.
package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/slipway-dev/slipway/internal/coalesce"
	"github.com/slipway-dev/slipway/internal/staging"
)

// Cache is a folder of files named by their digest. It may be used by many goroutines and many processes at once.
type Cache struct {
	// Clock is what waiting between attempts goes by. New sets it to the machine's clock; a test may set another before first use.
	Clock Clock

	dir    string
	client *http.Client
	stall  time.Duration
	flight coalesce.Group[string]
	area   *staging.Area
}

// Request is a file that is pinned by its digest.
type Request struct {
	URL    string
	Header http.Header // sent to the host of URL only, never on to another one; may be nil
	Digest Digest
	// MaxBytes is the most that the file may hold. It must be positive.
	MaxBytes int64
	// Locate finds out URL and Header where they are not known beforehand, such as in an index. It is called only if the file has to be
	// downloaded, and what it returns counts instead of URL and Header, which are empty.
	Locate func(ctx context.Context) (url string, header http.Header, err error)
}

// New returns a cache in dir, which is created when the first file is stored. A nil client means one with its own connections and the
// proxy that the environment names. The client's own redirect policy, timeout and cookies are not used.
func New(dir string, client *http.Client) *Cache {
	if client == nil {
		client = &http.Client{Transport: cleanhttp.DefaultPooledTransport()}
	}
	return &Cache{
		Clock:  systemClock(),
		dir:    dir,
		client: &http.Client{Transport: client.Transport, CheckRedirect: checkRedirect},
		stall:  time.Minute,
		area:   staging.New(filepath.Join(dir, "partial")),
	}
}

// Through returns the same cache with another way to its servers, such as one that logs in to a registry first.
func (c *Cache) Through(transport http.RoundTripper) *Cache {
	return &Cache{
		Clock: c.Clock, dir: c.dir, stall: c.stall, area: c.area,
		client: &http.Client{Transport: transport, CheckRedirect: checkRedirect},
	}
}

// File returns the path of a local file whose content has the digest of r. The content is hashed on every call: what was damaged since it
// was stored is downloaded again. Callers must not change the file.
//
// It returns an *IntegrityError for other content, a *SizeError for more than r.MaxBytes, a *StatusError for an answer other than 200.
func (c *Cache) File(ctx context.Context, r Request) (string, error) {
	if err := r.Digest.validate(); err != nil {
		return "", fmt.Errorf("cannot fetch %s: %w", redact(r.URL), err)
	}
	if r.MaxBytes <= 0 {
		return "", fmt.Errorf("cannot fetch %s: the request sets no MaxBytes", redact(r.URL))
	}
	// Requests that differ in more than the digest may end differently, so they are not joined.
	key := fmt.Sprintf("%s %d %s", r.Digest, r.MaxBytes, r.URL)
	return c.flight.Do(ctx, key, func() (string, error) { return c.file(ctx, r) })
}

// Document returns the body found at url, which is neither pinned nor kept. It follows the same rules as File towards the server and returns
// the same errors, an *IntegrityError excepted. A body may come compressed; maxBytes counts what it unpacks to.
func (c *Cache) Document(ctx context.Context, url string, header http.Header, maxBytes int64) ([]byte, error) {
	if maxBytes <= 0 {
		return nil, fmt.Errorf("cannot fetch %s: no limit of bytes is set", redact(url))
	}
	var body []byte
	err := c.retry(ctx, url, func(ctx context.Context) error {
		return c.get(ctx, url, header, maxBytes, func(r io.Reader) (err error) {
			body, err = io.ReadAll(r)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

func (c *Cache) file(ctx context.Context, r Request) (string, error) {
	path := filepath.Join(c.dir, r.Digest.Algorithm, r.Digest.Hex[:2], r.Digest.Hex)
	found, err := hashFile(path, r.Digest.Algorithm, r.MaxBytes)
	switch {
	case err == nil && found == r.Digest:
		return path, nil
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("cannot read the download cache: %w", err)
	}
	if err := c.download(ctx, r, path); err != nil {
		return "", err
	}
	return path, nil
}

// download writes the file in the staging area and moves it into place when its digest is known to be right.
func (c *Cache) download(ctx context.Context, r Request, path string) error {
	if r.Locate != nil {
		var err error
		if r.URL, r.Header, err = r.Locate(ctx); err != nil {
			return err
		}
	}
	file, err := c.area.Create()
	if err != nil {
		return fmt.Errorf("cannot write to the download cache: %w", err)
	}
	defer file.Discard()
	header := http.Header{"Accept-Encoding": {"identity"}} // the digest is of the bytes as stored
	for name, values := range r.Header {
		header[name] = values
	}
	err = c.retry(ctx, r.URL, func(ctx context.Context) error {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := file.Truncate(0); err != nil {
			return err
		}
		return c.get(ctx, r.URL, header, r.MaxBytes, func(body io.Reader) error {
			hash := r.Digest.hash()
			if _, err := io.Copy(io.MultiWriter(file, hash), body); err != nil {
				return err
			}
			if got := (Digest{r.Digest.Algorithm, hex.EncodeToString(hash.Sum(nil))}); got != r.Digest {
				return &IntegrityError{URL: redact(r.URL), Want: r.Digest, Got: got}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if err := file.Install(path); err != nil {
		return fmt.Errorf("cannot write to the download cache: %w", err)
	}
	return nil
}
