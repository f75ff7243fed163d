package builtin

import (
	"math"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/finding"
)

// credential is the shape of a provider's credentials.
type credential struct {
	what     string
	severity finding.Severity
	// mark must occur in the text before the expression is tried; empty where any text of long tokens will do.
	mark string
	expr *regexp.Regexp
	// group is the part that is the secret itself; 0 is the whole match.
	group int
	// least is the entropy that the secret must have, in bits a byte; 0 where the shape says enough.
	least float64
}

func shape(what string, severity finding.Severity, mark, expr string, group int, least float64) credential {
	return credential{what, severity, mark, regexp.MustCompile(expr), group, least}
}

var credentials = []credential{
	shape("a private key", finding.Critical, "PRIVATE KEY", `-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n)*((?:[A-Za-z0-9+/=:, -]|\s|\\n){64,})`, 1, 0),
	shape("a GitHub token", finding.High, "gh", `\bgh[opsur]_[A-Za-z0-9]{36,255}\b`, 0, 0),
	shape("a GitHub token", finding.High, "github_pat_", `\bgithub_pat_[A-Za-z0-9_]{22,255}\b`, 0, 0),
	shape("a GitLab token", finding.High, "gl", `\bgl(?:pat|dt|rt|ptt|soat|cbt)-[A-Za-z0-9_-]{20,64}\b`, 0, 0),
	shape("an AWS access key", finding.High, "AKIA", `\bAKIA[A-Z2-7]{16}\b`, 0, 0),
	shape("a temporary AWS access key", finding.High, "ASIA", `\bASIA[A-Z2-7]{16}\b`, 0, 0),
	shape("a Slack token", finding.High, "xox", `\bxox[abeoprs]-(?:\d-)?[A-Za-z0-9]{8,}-[A-Za-z0-9-]{10,200}\b`, 0, 0),
	shape("a Slack token", finding.High, "xapp-", `\bxapp-\d-[A-Z0-9]{8,}-\d+-[a-f0-9]{32,}\b`, 0, 0),
	shape("a Slack webhook", finding.High, "hooks.slack.com", `https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{30,100}`, 0, 0),
	shape("a Discord webhook", finding.High, "/api/webhooks/", `https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d{15,22}/[A-Za-z0-9_-]{50,90}`, 0, 0),
	shape("a Stripe key", finding.High, "_live_", `\b[sr]k_live_[A-Za-z0-9]{20,120}\b`, 0, 0),
	shape("a Google API key", finding.High, "AIza", `\bAIza[A-Za-z0-9_-]{35}\b`, 0, 0),
	shape("a Google OAuth token", finding.High, "ya29.", `\bya29\.[A-Za-z0-9_-]{40,400}`, 0, 0),
	shape("an OpenAI key", finding.High, "sk-", `\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,200}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b`, 0, 0),
	shape("an Anthropic key", finding.High, "sk-ant-", `\bsk-ant-[a-z0-9]{3,8}-[A-Za-z0-9_-]{60,200}`, 0, 0),
	shape("an OpenRouter key", finding.High, "sk-or-v1-", `\bsk-or-v1-[a-f0-9]{64}\b`, 0, 0),
	shape("a Hugging Face token", finding.High, "hf_", `\bhf_[A-Za-z0-9]{34,40}\b`, 0, 0),
	shape("an npm token", finding.High, "npm_", `\bnpm_[A-Za-z0-9]{36}\b`, 0, 0),
	shape("a PyPI token", finding.High, "pypi-", `\bpypi-AgE[A-Za-z0-9_-]{50,200}`, 0, 0),
	shape("a SendGrid key", finding.High, "SG.", `\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b`, 0, 0),
	shape("a DigitalOcean token", finding.High, "_v1_", `\bdo[opr]_v1_[a-f0-9]{64}\b`, 0, 0),
	shape("a Databricks token", finding.High, "dapi", `\bdapi[a-f0-9]{32}\b`, 0, 0),
	shape("a Notion token", finding.High, "ntn_", `\bntn_[A-Za-z0-9]{40,50}\b`, 0, 0),
	shape("a Supabase token", finding.High, "sbp_", `\bsbp_[a-f0-9]{40}\b`, 0, 0),
	shape("a Tavily key", finding.High, "tvly-", `\btvly-(?:dev-|prod-)?[A-Za-z0-9]{30,40}\b`, 0, 0),
	shape("a Heroku key", finding.High, "HRKU-", `\bHRKU-[A-Za-z0-9_-]{36,70}\b`, 0, 0),
	shape("a Linear key", finding.High, "lin_api_", `\blin_api_[A-Za-z0-9]{40}\b`, 0, 0),
	shape("a Shopify token", finding.High, "shp", `\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b`, 0, 0),
	shape("an Azure storage key", finding.High, "AccountKey=", `\bAccountKey=([A-Za-z0-9+/]{86}==)`, 1, 0),
	shape("a Telegram bot token", finding.High, ":AA", `\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b`, 0, 0),
	shape("an age key", finding.High, "AGE-SECRET-KEY-", `\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b`, 0, 0),
	shape("a JSON Web Token", finding.Medium, "eyJ", `\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}`, 0, 0),
	shape("a password in an address", finding.Medium, "://", `\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@"'<>]{1,80}:([^\s:/@"'<>]{6,120})@[A-Za-z0-9.-]{3,200}`, 1, 3),
	shape("a value that looks like a secret", finding.Medium, "", `(?i)\b(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?token|auth[_-]?token|password|passwd|client[_-]?secret)\b["']?\s{0,2}[:=]\s{0,2}["']?([A-Za-z0-9+/_=.-]{20,200})`, 1, 3.3),
}

// sightedSecret is where a credential stands in a text.
type sightedSecret struct {
	credential
	from, to int
}

// secretsIn finds credentials. What is plainly made up as an example is left alone.
func secretsIn(value string) []sightedSecret {
	if len(value) < 16 {
		return nil
	}
	var found []sightedSecret
	for _, c := range credentials {
		if !strings.Contains(value, c.mark) || c.mark == "" && !hasToken(value) {
			continue
		}
		for _, m := range c.expr.FindAllStringSubmatchIndex(value, 50) {
			at := sightedSecret{c, m[2*c.group], m[2*c.group+1]}
			if secret := value[at.from:at.to]; !invented(secret) && entropy(secret) >= c.least && (c.mark != "" || mixed(secret)) {
				found = append(found, at)
			}
		}
	}
	return found
}

// hasToken reports whether 20 characters stand together as those of a random value do, which spares most texts a slow expression.
func hasToken(value string) bool {
	run := 0
	for i := 0; i < len(value) && run < 20; i++ {
		switch c := value[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("+/_=.-", c) >= 0:
			run++
		default:
			run = 0
		}
	}
	return run >= 20
}

// checkSecrets reports credentials.
func checkSecrets(t text, add adder) {
	for _, at := range secretsIn(t.value) {
		add(t.place, finding.Finding{
			Rule: "secret", Severity: at.severity,
			Message:  "The text holds what looks like " + at.what + ", published to everyone who lists the server's tools.",
			Evidence: redact(t.value[at.from:at.to]),
		})
	}
}

var (
	inventedWord = regexp.MustCompile(`(?i)example|sample|placeholder|your[_-]?|my[_-]?(?:secret|pass|key|token)|dummy|fake|test[_-]|changeme|redacted|x{4,}|\*{3,}|\.{3,}|0{6,}|12345|abcdef|abc123|password|secret`)
	inventedMark = regexp.MustCompile(`^[$<{%\[]|[>}\]]$`)
)

// invented reports whether a credential is an example: it says so, counts up, or repeats itself.
func invented(secret string) bool {
	if inventedWord.MatchString(secret) || inventedMark.MatchString(secret) {
		return true
	}
	distinct := make(map[rune]bool)
	for _, r := range secret {
		distinct[r] = true
	}
	return len(distinct) < 6
}

// mixed reports whether a value holds digits as random ones do, and names of several words do not.
func mixed(value string) bool {
	digits, capitals := 0, 0
	for _, r := range value {
		switch {
		case '0' <= r && r <= '9':
			digits++
		case 'A' <= r && r <= 'Z':
			capitals++
		}
	}
	return digits >= 3 || digits > 0 && capitals > 1
}

// entropy is Shannon's, in bits a byte; words have about 3, random letters and digits of this length above 4.
func entropy(s string) float64 {
	var counts [256]int
	for i := 0; i < len(s); i++ {
		counts[s[i]]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
