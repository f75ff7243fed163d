package builtin

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// Private data that no tool needs for its own work, as folded text has it.
const (
	privateFile = `(?:~?/?\.ssh\b|\bid_(?:rsa|dsa|ecdsa|ed25519)\b|\.aws/(?:credentials|config)|/etc/(?:passwd|shadow|sudoers)\b|\.netrc\b|\.git-credentials\b|\.pypirc\b|\.pgpass\b|\.kube/config\b` +
		`|\.gnupg\b|\bwallet\.dat\b|\.bash_history|\.zsh_history|/proc/self/environ|\blogin data\b|\bkeychain(?:-db)?\b)`
	// configFile is what people are rightly told to open and edit; a model is not to pass it on.
	configFile = `(?:\.npmrc\b|\.docker/config\.json|\bmcp\.json\b|claude_desktop_config\.json)`
	// envFile is a bare ".env", not a part of a longer name.
	envFile   = `(?:(?:^|[\s"'/(\x60])\.env\b)`
	readVerb  = `(?:read|open|cat|load|get|fetch|retrieve|include|attach|append|pass|copy|collect|gather|upload|send|submit|provide|extract|scan|dump|print|access|exfiltrate|steal)`
	modelNoun = `(?:you|model|assistant|agent|llm|ai|client|claude|chatgpt|cursor)`
)

// exfiltrationPhrases ask for private data that has nothing to do with the tool.
var exfiltrationPhrases = []phrase{
	{
		rule: "exfiltration", severity: finding.Critical,
		message: "The text asks the model to read files that hold credentials or keys.",
		words: []string{
			".ssh", "id_", ".aws", "/etc/", ".netrc", ".git-credentials", ".npmrc", ".pypirc", ".pgpass", ".kube", ".docker", "mcp.json",
			"claude_desktop_config", ".gnupg", "wallet.dat", "_history", "/proc/self", "login data", "keychain",
		},
		expr: expression(`\b(?:read|cat|include|attach|append|pass|copy|upload|send|submit|exfiltrate|steal|dump|extract) (?:[^\n]{0,40}?[\s"'(\x60=:~/])?` + configFile +
			`|\bcontents? of (?:the )?(?:\w+ ){0,3}?["'\x60]?` + configFile +
			`|(?:^|[\n.,:;>]\s?|\b(?:please|first|then|and|to|must|should|always|also|now|can|will|need to) )(?:also |first |always )?` + readVerb + ` (?:[^\n]{0,70}?[\s"'(\x60=:~/])?` + privateFile +
			`|\b` + modelNoun + `\b{near}\b(?:reads?|opens?|sends?|pass(?:es)?|includes?|attach(?:es)?|loads?|uploads?)\b{far}` + privateFile +
			`|\b(?:contents?|copy|value|output) of (?:the )?(?:\w+ ){0,3}?["'\x60]?` + privateFile),
	},
	{
		rule: "exfiltration", severity: finding.High,
		message: "The text asks the model to read a file of environment secrets.",
		words:   []string{".env"},
		expr:    expression(`(?:^|[\n.,:;>]\s?|\b(?:please|first|then|and|must|should|always|also) )(?:also |first |always )?(?:read|open|cat|include|attach|append|pass|copy|upload|send|submit|exfiltrate|steal) (?:[^\n]{0,40}?)?` + envFile + `|\bcontents? of (?:the |your |all |any )*(?:\w+ ){0,2}?["'\x60]?\.env\b`),
	},
	{
		rule: "exfiltration", severity: finding.High,
		message: "The text asks for the conversation, the system prompt or other context that belongs to the user.",
		words:   []string{"conversation", "chat", "system", "message", "prompt", "instructions", "context", "chain", "tools"},
		also:    []string{"full", "entire", "complete", "whole", "raw", "verbatim", "exact", "all", "your", "the model", "the assistant", "original", "current", "given", "other"},
		expr:    expression(`\b(?:send|forward|post|upload|transmit|submit|leak|exfiltrate|copy|paste|include|insert|put|append|attach|pass|dump|provide|write) (?:\w+ ){0,4}?(?:(?:the |your |this )?(?:(?:full|entire|complete|whole|raw|verbatim|exact) )(?:\w+ ){0,3}?(?:conversation|chat)|all (?:of )?(?:the )?(?:previous |prior |user'?s? )+(?:messages?|prompts|conversations?)|(?:your|the model'?s?|the assistant'?s?|the (?:full|entire|complete|exact|original|current)) (?:system (?:prompt|message|instructions)|chain of thought|context window|hidden instructions)|(?:the )?(?:instructions|prompt) you (?:were|have been) given|(?:the |a )?(?:list of )?(?:all )?(?:names of )?(?:all )?other (?:available )?tools (?:available|you have|and their))`),
	},
	{
		rule: "exfiltration", severity: finding.High,
		message: "The text asks the model to hand over credentials.",
		words:   []string{"password", "credential", "key", "secret", "token", "environment", "seed", "cookies"},
		also:    []string{"send", "forward", "post", "upload", "transmit", "leak", "exfiltrate", "steal", "collect", "harvest", "gather", "include", "attach", "append", "pass ", "insert", "put", "paste"},
		expr: expression(`\b(?:send|forward|post|upload|transmit|leak|exfiltrate|steal|collect|harvest|gather) (?:\w+ ){0,4}?(?:the users?'?s? |users?'?s? |your |all |any |every )(?:\w+ ){0,3}?(?:passwords?|credentials|api keys?|secrets|private keys?|(?:access|session|auth|bearer) tokens?|environment variables|seed phrases?|cookies){near}\b(?:to|into|in|via|using|as) {near}(?:https?:|@|this (?:tool|server|parameter|field|endpoint)|our |remote|external|endpoint|webhook|attacker|parameter|server)` +
			`|\b(?:include|attach|append|pass|insert|put|paste) (?:\w+ ){0,3}?(?:contents? of )?(?:the users?'?s? |users?'?s? |all (?:the )?|any |every )(?:\w+ ){0,2}?(?:passwords?|credentials|api keys|secrets|private keys?|environment variables|seed phrases?){near}\b(?:in|into|as|to) (?:the |this )?{near}(?:parameter|field|argument|note|context|metadata|request|url|query|description)`),
	},
	{
		rule: "exfiltration", severity: finding.Info,
		message: "The text names a file that holds credentials; check that the tool's work needs it.",
		words:   []string{".ssh", "id_", ".aws", "/etc/", ".netrc", ".git-credentials", ".gnupg", "wallet.dat", "keychain"},
		expr:    expression(privateFile),
	},
}

// sinks are names of parameters that published attacks use to make a client hand over its context, without separators.
var sinks = map[string]string{
	"sidenote": "text about the conversation", "toolslist": "the list of all tools", "toolcallhistory": "all earlier calls", "conversationhistory": "the conversation",
	"chathistory": "the conversation", "chainofthought": "the model's reasoning", "fullconversation": "the conversation", "entireconversation": "the conversation",
}

// checkParameter reports schema properties that ask for the client's context by their name alone.
func checkParameter(t text, add adder) {
	if t.role != parameter {
		return
	}
	what, ok := sinks[conventional(fold(t.value))]
	if !ok {
		return
	}
	add(t.place, finding.Finding{
		Rule: "exfiltration", Severity: finding.Medium,
		Message:  fmt.Sprintf("The parameter asks by its name for %s; check that the tool's work needs it.", what),
		Evidence: "parameter " + scan.Printable(t.value, maxEvidence),
	})
}
