package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// handler stands before the protocol library and does what it leaves undone: it bounds manifests, answers a mount of an unknown blob with an
// upload, and lists no referrers as an empty list rather than as null, which typed clients refuse.
type handler struct {
	store *store
	next  http.Handler
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/manifests/"): // on which the library panics
		writeError(w, ociregistry.ErrManifestUnknown)
		return
	case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/"):
		content, err := io.ReadAll(io.LimitReader(r.Body, maxManifest+1))
		if err == nil {
			err = checkDocument(content)
		}
		if err != nil {
			writeError(w, err)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	case r.Method == http.MethodPost && r.URL.Query().Has("mount"):
		h.prepareMount(r)
	case r.Method == http.MethodGet:
		if repo, subject, ok := referrersRequest(r.URL.Path); ok {
			h.listReferrers(w, r, repo, subject)
			return
		}
	}
	h.next.ServeHTTP(w, r)
}

// checkDocument answers for the library, which would call these the server's own failures.
func checkDocument(content []byte) error {
	if len(content) > maxManifest {
		return ociregistry.NewHTTPError(fmt.Errorf("a manifest can have at most %d bytes", maxManifest),
			http.StatusRequestEntityTooLarge, nil, nil)
	}
	if !json.Valid(content) {
		return fmt.Errorf("%w: not JSON", ociregistry.ErrManifestInvalid)
	}
	return nil
}

// prepareMount turns the request into one that succeeds: a mount of a blob that is here, from wherever, or else the start of an upload.
// OCI Distribution Specification, mounting a blob from another repository.
func (h *handler) prepareMount(r *http.Request) {
	query := r.URL.Query()
	repo := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(r.URL.Path, "/"), "/v2/"), "/blobs/uploads")
	if _, err := h.store.ResolveBlob(r.Context(), repo, digest.Digest(query.Get("mount"))); err == nil {
		query.Set("from", repo)
	} else {
		query.Del("mount")
		query.Del("from")
	}
	r.URL.RawQuery = query.Encode()
}

func referrersRequest(path string) (repo, subject string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	i := strings.LastIndex(rest, "/referrers/")
	if !ok || i < 0 {
		return "", "", false
	}
	return rest[:i], rest[i+len("/referrers/"):], true
}

func (h *handler) listReferrers(w http.ResponseWriter, r *http.Request, repo, subject string) {
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{},
	}
	artifactType := r.URL.Query().Get("artifactType")
	for desc, err := range h.store.Referrers(r.Context(), repo, digest.Digest(subject), artifactType) {
		if err != nil {
			writeError(w, err)
			return
		}
		index.Manifests = append(index.Manifests, desc)
	}
	content, err := json.Marshal(index)
	if err != nil {
		writeError(w, err)
		return
	}
	if artifactType != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
	w.Write(content) //nolint:errcheck // the client has gone
}

func writeError(w http.ResponseWriter, err error) {
	ociregistry.WriteError(w, err) //nolint:errcheck // the client has gone
}
