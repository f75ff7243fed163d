package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// maxMetadata bounds a metadata document, in bytes.
const maxMetadata = 256 << 10

// fetchMetadata reads a metadata document into m. It returns false if there is none, and an error that completes a sentence if it cannot be used.
func fetchMetadata(ctx context.Context, client *http.Client, address string, m any) (found bool, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return false, errors.New("its address is none of https")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("Accept", "application/json")
	resp, err := client.Do(request)
	if err != nil {
		return false, &silence{err}
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 4:
		return false, nil
	case resp.StatusCode/100 == 3:
		return false, fmt.Errorf("it sends clients to %q", excerpt(resp.Header.Get("Location"), 200))
	case resp.StatusCode != http.StatusOK:
		return false, fmt.Errorf("the answer is %s", resp.Status)
	}
	if kind := mediaType(resp); kind != "application/json" {
		return false, fmt.Errorf("its type is %q, not application/json", kind)
	}
	body, err := bounded.Read(resp.Body, maxMetadata)
	var size *bounded.SizeError
	switch {
	case errors.As(err, &size):
		return false, fmt.Errorf("it is %w", size)
	case err != nil:
		return false, &silence{err}
	}
	return true, readMetadata(body, m)
}

// silence is the error of a server that did not answer: nothing is known then, and there may be an answer another time.
type silence struct{ error }

func (s *silence) Unwrap() error { return s.error }

// readMetadata decodes a JSON object whose members have names in lower case, as those of the specifications do; encoding/json would take "Issuer" for
// "issuer" too.
func readMetadata(body []byte, m any) error {
	if err := strict(body); err != nil {
		return fmt.Errorf("it %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return fmt.Errorf("it is no JSON object: %w", err)
	}
	for name := range members {
		if name != strings.ToLower(name) {
			delete(members, name)
		}
	}
	exact, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(exact, m); err != nil {
		return fmt.Errorf("it has a member of the wrong type: %w", err)
	}
	return nil
}
