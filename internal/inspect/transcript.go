package inspect

import (
	"bytes"
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// Bounds of what a server may send.
const (
	maxMessage    = 16 << 20 // bytes of one message
	maxBytes      = 64 << 20 // of all messages and noise
	maxMessages   = 10_000
	maxNoiseLines = 200
	maxNoise      = 256 << 10 // bytes
	maxExcerpt    = 2 << 10   // bytes of noise that the report shows
)

// transcript follows the messages of a session on their way, whatever carries them: it enforces the bounds, and keeps the raw result of each request.
type transcript struct {
	began time.Time

	mu          sync.Mutex
	asked       map[string]string          // method by identifier of each request, whether or not it was answered
	answered    map[string]bool            // the identifiers that were
	results     map[string]json.RawMessage // last result by method
	arrived     map[string]time.Time       // of the first result by method
	bytes       int
	messages    int
	noiseLines  int
	noiseBytes  int
	noise       bytes.Buffer
	firstAnswer time.Time
	failure     *Failure
}

func newTranscript(began time.Time) *transcript {
	return &transcript{began: began, asked: map[string]string{}, answered: map[string]bool{}, results: map[string]json.RawMessage{}, arrived: map[string]time.Time{}}
}

// envelope is what matters here of a JSON-RPC message.
type envelope struct {
	id      json.RawMessage
	method  string
	result  json.RawMessage
	version string
}

// open reads the members of a message by their exact names, where encoding/json would take "ID" for "id" too.
func open(message []byte) (envelope, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(message, &members); err != nil {
		return envelope{}, err
	}
	e := envelope{id: members["id"], result: members["result"]}
	// A member of the wrong type stays empty, and is the SDK's to refuse.
	_ = json.Unmarshal(members["method"], &e.method)
	_ = json.Unmarshal(members["jsonrpc"], &e.version)
	return e, nil
}

// identifier makes equal what clients take for one identifier: a number may come back as 1.0.
func identifier(raw json.RawMessage) string {
	if f, err := strconv.ParseFloat(string(raw), 64); err == nil {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return string(raw)
}

// sent notes a message to the server.
func (t *transcript) sent(message []byte) {
	e, err := open(message)
	if err != nil || e.method == "" || len(e.id) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked[identifier(e.id)] = e.method
}

// received checks a message from the server and notes its result. It returns the failure that ends the session, if there is one.
func (t *transcript) received(message []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failure != nil {
		return t.failure
	}
	if t.messages++; t.messages > maxMessages {
		return t.fail(failf(Flood, "", "The server sent more than %d messages.", maxMessages))
	}
	if err := strict(message); err != nil {
		return t.fail(failf(InvalidJSON, "", "The server sent a message that %v: %s", err, excerpt(string(message), 200)))
	}
	e, err := open(message)
	if err != nil {
		return t.fail(failf(InvalidJSON, "", "The server sent a message that is no JSON object: %s", excerpt(string(message), 200)))
	}
	id := identifier(e.id)
	method, ok := t.asked[id]
	switch {
	case e.method != "" || e.version == "" || id == "" || id == "null":
		return nil // a request, or nothing that answers one
	case !ok:
		return t.fail(failf(ProtocolError, "", "The server answered a request with the identifier %s, which was never sent: %s", excerpt(id, 80), excerpt(string(message), 200)))
	case t.answered[id]:
		return nil
	}
	t.answered[id] = true
	now := time.Now()
	if t.firstAnswer.IsZero() {
		t.firstAnswer = now
	}
	if len(e.result) > 0 {
		t.results[method] = bytes.Clone(e.result)
		if t.arrived[method].IsZero() {
			t.arrived[method] = now
		}
	}
	return nil
}

// weigh counts bytes from the server.
func (t *transcript) weigh(n int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failure != nil {
		return t.failure
	}
	if t.bytes += n; t.bytes > maxBytes {
		return t.fail(failf(Flood, "", "The server sent more than %d MiB.", maxBytes>>20))
	}
	return nil
}

// heard notes a line of standard output that is no message.
func (t *transcript) heard(line []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.noiseLines++
	t.noiseBytes += len(line)
	if t.noise.Len() < maxExcerpt {
		t.noise.WriteString(excerpt(string(line), 500) + "\n")
	}
	if t.noiseLines > maxNoiseLines || t.noiseBytes > maxNoise {
		return t.fail(failf(Noise, "", "The server printed more than %d lines or %d KiB on standard output that are no messages, such as %q. "+
			"Standard output is for the protocol alone; let the server log to standard error.", maxNoiseLines, maxNoise>>10, excerpt(string(line), 120)))
	}
	return nil
}

// fail keeps the first failure. The lock must be held.
func (t *transcript) fail(f *Failure) error {
	if t.failure == nil {
		t.failure = f
	}
	return t.failure
}

// failed ends the session for a reason that its carrier found.
func (t *transcript) failed(f *Failure) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fail(f)
}

// verdict is the failure that ended the session, or nil.
func (t *transcript) verdict() *Failure {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failure
}

// take returns the last result of a method, once.
func (t *transcript) take(method string) json.RawMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	raw := t.results[method]
	delete(t.results, method)
	return raw
}

// fill puts what the transcript knows into the report.
func (t *transcript) fill(r *Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.firstAnswer.IsZero() {
		r.FirstAnswer = t.firstAnswer.Sub(t.began)
	}
	if at := t.arrived[methodTools]; !at.IsZero() {
		r.FirstTools = at.Sub(t.began)
	}
	r.Noise, r.NoiseExcerpt = t.noiseLines, t.noise.String()
}
