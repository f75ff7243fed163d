package builtin

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

var (
	address = regexp.MustCompile("(?i)\\b(?:https?|wss?|ftp)://(?:\\[[0-9a-f:.]{2,45}\\])?[^\\s\"'<>`()\\[\\]{}|\\\\^]{0,500}")
	// An active address runs what it holds when a client opens it.
	activeAddress = regexp.MustCompile(`(?i)\b(?:javascript|vbscript):\s{0,2}[a-z$_][\w$.]{0,40}\s{0,2}[(=]|\bdata:(?:text/html|application/(?:x-)?(?:javascript|ecmascript)|image/svg\+xml)[;,]`)
)

// collectors are services that take whatever is sent to them, without asking who sends it; their subdomains too.
var collectors = map[string]finding.Severity{
	"webhook.site": finding.High, "requestbin.com": finding.High, "requestbin.net": finding.High, "requestcatcher.com": finding.High,
	"interact.sh": finding.High, "interactsh.com": finding.High, "oast.fun": finding.High, "oast.me": finding.High, "oast.pro": finding.High,
	"oast.live": finding.High, "oast.site": finding.High, "oast.online": finding.High, "burpcollaborator.net": finding.High,
	"oastify.com": finding.High, "canarytokens.com": finding.High, "dnslog.cn": finding.High, "hookb.in": finding.High,
	"beeceptor.com": finding.Medium, "pipedream.net": finding.Medium, "pastebin.com": finding.Medium, "paste.ee": finding.Medium,
	"hastebin.com": finding.Medium, "rentry.co": finding.Medium, "termbin.com": finding.Medium, "transfer.sh": finding.Medium, "0x0.st": finding.Medium,
	"file.io": finding.Medium, "ngrok.io": finding.Medium, "ngrok.app": finding.Medium, "ngrok-free.app": finding.Medium,
	"trycloudflare.com": finding.Medium, "serveo.net": finding.Medium, "loca.lt": finding.Medium, "localhost.run": finding.Medium,
}

// checkURLs reports addresses that lead somewhere a reviewer would not expect.
func checkURLs(t text, add adder) {
	if strings.Contains(t.value, "://") {
		for _, raw := range address.FindAllString(t.value, 200) {
			if severity, message := suspicious(raw); severity != finding.Unknown {
				add(t.place, finding.Finding{Rule: "suspicious-url", Severity: severity, Message: message, Evidence: scan.Printable(mask(raw), maxEvidence)})
			}
		}
	}
	if !hasScheme(t.value) {
		return
	}
	if at := activeAddress.FindStringIndex(t.value); at != nil {
		add(t.place, finding.Finding{
			Rule: "suspicious-url", Severity: finding.High,
			Message:  "The text holds an address that runs code in whatever client opens it.",
			Evidence: excerpt(t.value, at[0], at[1]),
		})
	}
}

// hasScheme reports whether a colon follows the end of an active address's scheme.
func hasScheme(value string) bool {
	for rest := value; ; {
		before, after, found := strings.Cut(rest, ":")
		if !found {
			return false
		}
		for _, end := range []string{"script", "data"} {
			if len(before) >= len(end) && strings.EqualFold(before[len(before)-len(end):], end) {
				return true
			}
		}
		rest = after
	}
}

// suspicious says what is wrong with an address; severity Unknown says nothing is.
func suspicious(raw string) (finding.Severity, string) {
	u, err := url.Parse(strings.TrimRight(raw, ".,;:!?*"))
	if err != nil {
		return finding.Unknown, ""
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if user := u.User.Username(); strings.Contains(user, ".") && strings.Contains(host, ".") {
		return finding.Medium, fmt.Sprintf("The address looks like one of %s but leads to %s.", scan.Printable(user, 80), scan.Printable(host, 80))
	}
	for domain := host; domain != ""; {
		if severity, ok := collectors[domain]; ok {
			return severity, fmt.Sprintf("The address leads to %s, where anyone can collect what others send.", domain)
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if public(ip) {
			return finding.Medium, "The address names a public machine by number, so that nobody answers for it by name."
		}
		return finding.Unknown, ""
	}
	if number, err := strconv.ParseUint(host, 0, 32); err == nil && number > 0xffff {
		return finding.High, "The address hides the number of a machine in an unusual notation."
	}
	for _, label := range strings.Split(host, ".") {
		if strings.HasPrefix(label, "xn--") || disguised(label) {
			return finding.Medium, "The address has a host name in encoded or mixed letters, which may imitate another."
		}
	}
	return finding.Unknown, ""
}

// documentation are the addresses that examples use (RFC 5737, RFC 3849).
var documentation = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
}

// public reports whether an address can belong to somebody. Well-known resolvers and counting-up examples do not matter.
func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	for _, prefix := range documentation {
		if prefix.Contains(ip) {
			return false
		}
	}
	switch ip.String() {
	case "1.1.1.1", "8.8.8.8", "8.8.4.4", "1.2.3.4", "9.9.9.9":
		return false
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate()
}
