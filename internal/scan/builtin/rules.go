package builtin

import (
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// Identifiers of the OWASP MCP Top 10 (2025, beta).
const (
	tokenExposure   = "MCP01:2025"
	toolPoisoning   = "MCP03:2025"
	promptInjection = "MCP06:2025"
	overSharing     = "MCP10:2025"
)

// Rules returns every rule of this scanner, in the order in which docs/rules.md explains them.
func Rules() []scan.Rule { return append([]scan.Rule(nil), ruleList...) }

// rules finds a rule by its identifier.
var rules = func() map[string]scan.Rule {
	table := make(map[string]scan.Rule, len(ruleList))
	for _, r := range ruleList {
		table[r.ID] = r
	}
	return table
}()

var ruleList = []scan.Rule{
	{
		ID: "hidden-unicode", Severity: finding.Critical, Taxonomy: []string{toolPoisoning, promptInjection},
		Summary: "Text holds characters that no reader sees and a model reads.",
		Help:    "Ask upstream to remove the characters; waive only what you have decoded and found harmless.",
	},
	{
		ID: "bidirectional-unicode", Severity: finding.High, Taxonomy: []string{toolPoisoning, promptInjection},
		Summary: "Text holds controls that show it in another order than a model reads it.",
		Help:    "Ask upstream to remove the controls; ordinary right-to-left text needs none.",
	},
	{
		ID: "mixed-script", Severity: finding.High, Taxonomy: []string{toolPoisoning},
		Summary: "A name or word swaps letters for look-alikes of another script.",
		Help:    "Compare the word with what it imitates, and ask upstream to write it in one script.",
	},
	{
		ID: "model-instruction", Severity: finding.Critical, Taxonomy: []string{toolPoisoning, promptInjection},
		Summary: "Text gives the model orders that go beyond explaining the tool.",
		Help:    "Read the text as a model would; it must explain the tool and leave the user's wishes, other tools and what is shown to the user alone.",
	},
	{
		ID: "exfiltration", Severity: finding.Critical, Taxonomy: []string{toolPoisoning, overSharing},
		Summary: "Text or a parameter asks for private data that has nothing to do with the tool.",
		Help:    "Find out what the tool does with the data; without a good reason, do not publish the server.",
	},
	{
		ID: "secret", Severity: finding.Critical, Taxonomy: []string{tokenExposure},
		Summary: "Text holds a credential.",
		Help:    "Tell upstream to revoke it; a credential that was published once stays known.",
	},
	{
		ID: "suspicious-url", Severity: finding.High, Taxonomy: []string{toolPoisoning},
		Summary: "Text leads to an address that hides who is behind it.",
		Help:    "Find out who runs the address and why the tool's description needs it.",
	},
	{
		ID: "name-shadowing", Severity: finding.High, Taxonomy: []string{toolPoisoning},
		Summary: "A tool is named like, or speaks about, another server's tool in this catalog.",
		Help:    "Make sure that a model which sees both servers cannot take one for the other or be turned away from one.",
	},
	{
		ID: "stale-observation", Severity: finding.High, Taxonomy: []string{toolPoisoning},
		Summary: "The server says something else of itself than the committed tools.json.",
		Help:    "Run catalogctl inspect, review the difference in tools.json, and commit it.",
	},
	{
		ID: "changed-tool", Severity: finding.High, Taxonomy: []string{toolPoisoning},
		Summary: "A tool, prompt or resource differs from the reviewed one.",
		Help:    "Review the difference as if the tool were new.",
	},
	{
		ID: "changed-instructions", Severity: finding.Medium, Taxonomy: []string{toolPoisoning, promptInjection},
		Summary: "The server's instructions to the model differ from the reviewed ones.",
		Help:    "Review the new instructions as if the server were new.",
	},
	{
		ID: "added-tool", Severity: finding.Low, Taxonomy: []string{toolPoisoning},
		Summary: "A tool, prompt or resource is there that was not reviewed.",
		Help:    "Review the definition, and whether the entry's permissions still fit.",
	},
	{
		ID: "removed-tool", Severity: finding.Low,
		Summary: "A reviewed tool, prompt or resource is gone.",
		Help:    "Tell users of the tool in the entry's next release notes.",
	},
	{
		ID: "changed-authentication", Severity: finding.High, Taxonomy: []string{tokenExposure},
		Summary: "A remote server asks for authentication in another way than when it was reviewed.",
		Help:    "Make sure that the publisher stands behind the change before users hand over credentials; then run catalogctl inspect and commit tools.json.",
	},
	{
		ID: "undeclared-authentication", Severity: finding.High, Taxonomy: []string{tokenExposure},
		Summary: "A remote server wants authentication that its entry does not name.",
		Help:    "Say in remote.headers or remote.oauth what users must have, and make sure that the publisher names the same authorization server.",
	},
	{
		ID: "deprecated-transport", Severity: finding.Low,
		Summary: "A remote server is reached over the deprecated HTTP+SSE.",
		Help:    "Look for the server's streamable HTTP endpoint.",
	},
	{
		ID: "padding", Severity: finding.Medium, Taxonomy: []string{toolPoisoning},
		Summary: "Text pushes its end out of sight with white space.",
		Help:    "Read what follows the white space.",
	},
	{
		ID: "oversized", Severity: finding.Low,
		Summary: "A text, or all definitions together, take an unusual part of a model's context.",
		Help:    "Ask upstream for shorter descriptions, or offer only the tools that are needed.",
	},
	{
		ID: "missing-annotations", Severity: finding.Info,
		Summary: "Tools do not say whether they only read, or destroy.",
		Help:    "Ask upstream to set readOnlyHint and destructiveHint; clients decide by them when to ask the user.",
	},
}
