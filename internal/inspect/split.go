package inspect

import (
	"bytes"
	"encoding/json"
)

// split returns the messages in a line, and false if the line is no message but something that the server printed, such as a log line, be that
// JSON or not. Only what claims to be JSON-RPC is held to it.
func split(line []byte) (messages []json.RawMessage, ok bool) {
	switch line[0] {
	case '{':
		return []json.RawMessage{line}, claims(line)
	case '[':
		if json.Unmarshal(line, &messages) != nil || len(messages) == 0 {
			return nil, false
		}
		for _, m := range messages {
			if !claims(m) {
				return nil, false
			}
		}
		return messages, true
	default:
		return nil, false
	}
}

// claims reports whether a text means to be a JSON-RPC message: a broken one counts by the name of its version member.
func claims(text []byte) bool {
	e, err := open(text)
	if err != nil {
		return bytes.Contains(text, []byte(`"jsonrpc"`))
	}
	return e.version != ""
}
