// Package githubtest serves as much of GitHub's API on loopback as workflows of a catalog use, from what a test sets up.
package githubtest

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Repository is the repository that the server knows, and Token what it wants to see.
const (
	Repository = "octo/catalog"
	Token      = "token-of-a-test"
)

// Run is a run of a workflow.
type Run struct {
	ID                    int64
	Workflow              string // its file
	Event, Branch, Commit string
	From                  string // the repository that the branch is in
	Status, Conclusion    string // completed and success if empty
	Ended                 time.Time
	Attempt               int // 1 if it is 0
	Artifacts             []Artifact
}

// Artifact is what a run leaves: files by their paths.
type Artifact struct {
	Name  string
	Files map[string]string
}

// Pull is an open pull request.
type Pull struct {
	Number               int
	From, Branch, Commit string
}

// Comment is a comment on a pull request.
type Comment struct {
	ID     int64
	Pull   int
	Author string
	Body   string
}

// Label is a label of the repository.
type Label struct {
	Name        string `json:"name"`
	Color       string `json:"color"`
	Description string `json:"description"`
}

// Findings is SARIF that was uploaded.
type Findings struct{ Commit, Ref, SARIF string }

// Server is the API. What another process asks of it changes its fields at any time: look at them, and change them, in Locked.
type Server struct {
	*httptest.Server
	Runs     []Run
	Pulls    []Pull
	Comments []Comment
	Labels   []Label
	Findings []Findings
	Writes   int // requests that changed something

	t  *testing.T
	mu sync.Mutex
}

// New starts a server, which ends with the test.
func New(t *testing.T) *Server {
	t.Helper()
	s := &Server{t: t}
	mux := http.NewServeMux()
	const repo = "/repos/" + Repository
	mux.HandleFunc("GET "+repo+"/actions/workflows/{file}/runs", s.runs)
	mux.HandleFunc("GET "+repo+"/actions/runs/{run}/artifacts", s.artifacts)
	mux.HandleFunc("GET "+repo+"/actions/artifacts/{id}/zip", s.artifact)
	mux.HandleFunc("GET "+repo+"/pulls", s.pulls)
	mux.HandleFunc("GET "+repo+"/issues/{pull}/comments", s.comments)
	mux.HandleFunc("POST "+repo+"/issues/{pull}/comments", s.create)
	mux.HandleFunc("PATCH "+repo+"/issues/comments/{id}", s.edit)
	mux.HandleFunc("GET "+repo+"/labels", func(w http.ResponseWriter, r *http.Request) { page(w, r, "", s.Labels) })
	mux.HandleFunc("POST "+repo+"/labels", s.label)
	mux.HandleFunc("PATCH "+repo+"/labels/{name}", s.label)
	mux.HandleFunc("POST "+repo+"/code-scanning/sarifs", s.sarif)
	mux.HandleFunc("GET /storage/{id}", s.storage)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if got, want := r.Header.Get("Authorization"), "Bearer "+Token; strings.HasPrefix(r.URL.Path, "/storage/") != (got == "") || got != "" && got != want {
			t.Errorf("%s with the authorization %q", r.URL, got)
		}
		if r.Method != http.MethodGet {
			s.Writes++
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// Locked calls f while no request is answered.
func (s *Server) Locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Environ returns the variables by which a step knows the server.
func (s *Server) Environ() map[string]string {
	return map[string]string{"GITHUB_REPOSITORY": Repository, "GITHUB_API_URL": s.URL, "GITHUB_TOKEN": Token}
}

// Getenv is os.Getenv for a step of a workflow of the main branch.
func (s *Server) Getenv(workflow string) func(string) string {
	environ := s.Environ()
	environ["GITHUB_WORKFLOW_REF"] = Repository + "/.github/workflows/" + workflow + "@refs/heads/main"
	return func(name string) string { return environ[name] }
}

type object = map[string]any

func repository(name string) object {
	id := 0
	for _, c := range name {
		id = id*31 + int(c)
	}
	return object{"id": id & 0xffffffff, "full_name": name}
}

func (s *Server) runs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var found []object
	for _, run := range s.Runs {
		status, conclusion := cmp.Or(run.Status, "completed"), cmp.Or(run.Conclusion, "success")
		want := q.Get("status")
		if run.Workflow != r.PathValue("file") || q.Get("branch") != "" && q.Get("branch") != run.Branch || q.Get("event") != "" && q.Get("event") != run.Event ||
			want != "" && want != status && want != conclusion {
			continue
		}
		found = append(found, object{
			"id": run.ID, "event": run.Event, "head_branch": run.Branch, "head_sha": run.Commit, "head_repository": repository(run.From),
			"status": status, "conclusion": conclusion, "updated_at": run.Ended.UTC().Format(time.RFC3339), "run_attempt": max(1, run.Attempt),
		})
	}
	slices.SortFunc(found, func(a, b object) int { return cmp.Compare(b["id"].(int64), a["id"].(int64)) })
	page(w, r, "workflow_runs", found)
}

func (s *Server) pulls(w http.ResponseWriter, r *http.Request) {
	var found []object
	for _, p := range s.Pulls {
		found = append(found, object{"number": p.Number, "head": object{"ref": p.Branch, "sha": p.Commit, "repo": repository(p.From)}})
	}
	page(w, r, "", found)
}

// An artifact's number is its run's, and its place there.
func (s *Server) artifacts(w http.ResponseWriter, r *http.Request) {
	var found []object
	for _, run := range s.Runs {
		if strconv.FormatInt(run.ID, 10) == r.PathValue("run") {
			for i, a := range run.Artifacts {
				found = append(found, object{"id": run.ID*1000 + int64(i) + 1, "name": a.Name})
			}
		}
	}
	page(w, r, "artifacts", found)
}

func (s *Server) artifact(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", s.URL+"/storage/"+r.PathValue("id"))
	w.WriteHeader(http.StatusFound)
}

func (s *Server) storage(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	for _, run := range s.Runs {
		if run.ID == id/1000 {
			_, _ = w.Write(s.pack(run.Artifacts[id%1000-1].Files))
		}
	}
}

func (s *Server) pack(files map[string]string) []byte {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.HuffmanOnly) })
	for name, content := range files {
		f, err := archive.Create(name)
		if err != nil {
			s.t.Error(err)
			continue
		}
		_, _ = io.WriteString(f, content)
	}
	if err := archive.Close(); err != nil {
		s.t.Error(err)
	}
	return out.Bytes()
}

func (s *Server) comments(w http.ResponseWriter, r *http.Request) {
	var found []object
	for _, c := range s.Comments {
		if strconv.Itoa(c.Pull) == r.PathValue("pull") {
			found = append(found, object{"id": c.ID, "body": c.Body, "user": object{"login": c.Author}})
		}
	}
	page(w, r, "", found)
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	pull, _ := strconv.Atoi(r.PathValue("pull"))
	c := Comment{ID: int64(len(s.Comments) + 1), Pull: pull, Author: "github-actions[bot]", Body: s.body(r)}
	s.Comments = append(s.Comments, c)
	w.WriteHeader(http.StatusCreated)
	answer(w, object{"id": c.ID, "body": c.Body})
}

func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	for i, c := range s.Comments {
		if strconv.FormatInt(c.ID, 10) == r.PathValue("id") {
			s.Comments[i].Body = s.body(r)
			answer(w, object{"id": c.ID, "body": s.Comments[i].Body})
			return
		}
	}
	http.NotFound(w, r)
}

func (s *Server) body(r *http.Request) string {
	var message struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		s.t.Error(err)
	}
	if len(message.Body) > 65536 {
		s.t.Errorf("a comment of %d bytes", len(message.Body))
	}
	return message.Body
}

func (s *Server) label(w http.ResponseWriter, r *http.Request) {
	var l Label
	if err := json.NewDecoder(r.Body).Decode(&l); err != nil {
		s.t.Error(err)
	}
	if name := r.PathValue("name"); name != "" {
		s.Labels = slices.DeleteFunc(s.Labels, func(old Label) bool { return old.Name == name })
	} else {
		w.WriteHeader(http.StatusCreated)
	}
	s.Labels = append(s.Labels, l)
	answer(w, l)
}

func (s *Server) sarif(w http.ResponseWriter, r *http.Request) {
	var upload struct {
		CommitSHA string `json:"commit_sha"`
		Ref       string
		SARIF     string
	}
	err := json.NewDecoder(r.Body).Decode(&upload)
	if err == nil {
		var text []byte
		packed := base64.NewDecoder(base64.StdEncoding, strings.NewReader(upload.SARIF))
		if plain, failed := gzip.NewReader(packed); failed != nil {
			err = failed
		} else if text, err = io.ReadAll(plain); err == nil {
			s.Findings = append(s.Findings, Findings{upload.CommitSHA, upload.Ref, string(text)})
		}
	}
	if err != nil {
		s.t.Error(err)
	}
	w.WriteHeader(http.StatusAccepted)
	answer(w, object{"id": "1"})
}

// page answers with a page of a list, below a field if it has a name, and says where the next one is.
func page[T any](w http.ResponseWriter, r *http.Request, field string, all []T) {
	q := r.URL.Query()
	size, _ := strconv.Atoi(q.Get("per_page"))
	number, _ := strconv.Atoi(q.Get("page"))
	size, number = cmp.Or(size, 30), cmp.Or(number, 1)
	from := min(len(all), (number-1)*size)
	to := min(len(all), from+size)
	if to < len(all) {
		q.Set("page", strconv.Itoa(number+1))
		next := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: q.Encode()}
		w.Header().Set("Link", fmt.Sprintf("<%s>; rel=%q", next.String(), "next"))
	}
	list := append([]T{}, all[from:to]...)
	if field == "" {
		answer(w, list)
		return
	}
	answer(w, object{"total_count": len(all), field: list})
}

func answer(w http.ResponseWriter, value any) {
	_ = json.NewEncoder(w).Encode(value) // the client is gone then
}

// Event writes the file that tells the event of a pull request, and returns its name.
func Event(t *testing.T, pull int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "event.json")
	text := fmt.Sprintf(`{"number": %d, "pull_request": {"number": %d, "title": "$(id)"}}`, pull, pull)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
