package builtin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/scan"
)

// maxEvidence bounds an excerpt, in bytes.
const maxEvidence = 240

// margin is how much of the text around a match an excerpt shows, in bytes.
const margin = 30

// excerpt shows value[from:to] and a little around it, printable and with credentials masked.
func excerpt(value string, from, to int) string {
	value = mask(value)
	start, end := max(0, from-margin), min(len(value), to+margin)
	for start < from && !utf8.RuneStart(value[start]) {
		start++
	}
	for end < len(value) && !utf8.RuneStart(value[end]) {
		end++
	}
	return scan.Printable(value[start:end], maxEvidence)
}

// mask replaces credentials by as many asterisks.
func mask(value string) string {
	found := secretsIn(value)
	if len(found) == 0 {
		return value
	}
	masked := []byte(value)
	for _, at := range found {
		for i := at.from; i < at.to; i++ {
			masked[i] = '*'
		}
	}
	return string(masked)
}

// digest names content in an evidence without quoting it: 16 hex digits of its SHA-256.
func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:8])
}

// redact shows what kind of secret was found, not the secret.
func redact(secret string) string {
	shown := min(4, len(secret)/4)
	return fmt.Sprintf("%s… (%d characters, sha256 %s)", scan.Printable(secret[:shown], maxEvidence), utf8.RuneCountInString(secret), digest(secret)[:8])
}
