package builtin

import "github.com/slipway-dev/slipway/internal/finding"

// instructionPhrases address the model over the head of its user. Ordinary guidance ("use this tool when …", "you must call search first")
// is what descriptions are for: at most it is worth a note.
var instructionPhrases = []phrase{
	{
		rule: "model-instruction", severity: finding.Critical,
		message:   "The text tells the model to set aside the instructions it was given.",
		negatable: true,
		words:     []string{"ignor", "disregard", "forget", "overrid", "supersede", "neglect"},
		expr: expression(`\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|es|ing)|supersedes?|neglect) (?:all |any |every |each |of |the |these |those |your |my |its |other |and )*` +
			`(?:previous(?:ly given)?|prior|earlier|above|preceding|foregoing|existing system|initial|original|system|developer|safety) (?:\w+ ){0,2}?` +
			`(?:instructions?|directions|directives?|guidelines|guidance|commands|orders|rules|prompts?|restrictions|constraints|safeguards|policies|messages? from (?:the )?(?:user|system|developer))\b`),
	},
	{
		rule: "model-instruction", severity: finding.Critical,
		message:   "The text tells the model to set aside the instructions it was given.",
		negatable: true,
		words:     []string{"ignor", "disregard", "forget", "told"},
		expr: expression(`\b(?:ignore|disregard|forget) (?:all |of |any |the )*(?:your (?:\w+ )?(?:instructions|rules|guidelines|restrictions|programming|training|safety)|everything (?:you )?(?:were told|(?:was|said) before|above|you know)|(?:what|anything) (?:the )?(?:user|system|developer) (?:said|says|asked|wants|told))` +
			`|\b(?:ignore|disregard) (?:the )?(?:user(?:'s)?|system) (?:instructions?|request|prompt|message|wishes|consent)\b`),
	},
	{
		rule: "model-instruction", severity: finding.Critical,
		message: "The text tells the model, in another language, to set aside the instructions it was given.",
		words: []string{
			"ignor", "oubli", "vergiss", "missacht", "olvid", "dimentica", "esque", "忽略", "无视", "無視", "忘れ", "무시", fold("игнорир"),
		},
		expr: expression(`\b(?:ignore[zr]?|oublie[zr]?|ne tenez pas compte) (?:de )?(?:toutes? |tous |les |vos )*(?:instructions|consignes|directives) (?:precedentes|anterieures|ci dessus)` +
			`|\b(?:ignorier(?:e|en)?|vergiss|missachte) (?:sie )?(?:alle |die |deine |ihre )*(?:vorherigen|bisherigen|vorigen|obigen|fruheren) (?:anweisungen|befehle|instruktionen|regeln)` +
			`|\b(?:ignor[ae]n?|olvid[ae]|dimentica|esqueca) (?:todas? |tutte |las |le |as |sus )*(?:instrucciones|istruzioni|instrucoes) (?:anteriores|previas|precedenti)` +
			`|(?:忽略|无视|無視)[^\n]{0,8}(?:之前|以前|先前|上述|以上|前面)[^\n]{0,8}(?:指令|指示|命令|提示)|(?:以前|前|上記)の(?:すべての)?(?:指示|命令)を(?:無視|忘れ)` +
			// Russian, with the letters that folding turned into Latin ones; Korean, decomposed by it.
			`|` + fold("игнорируй") + `[^\n]{0,12}` + fold("предыдущие") + `[^\n]{0,8}` + fold("инструкции") +
			`|` + fold("이전") + `[^\n]{0,24}` + fold("지시") + `[^\n]{0,16}` + fold("무시")),
	},
	{
		rule: "model-instruction", severity: finding.Critical,
		message: "The text tells the model to hide from the user what it does.",
		words:   []string{"tell", "inform", "notify", "alert", "warn", "let", "mention", "reveal", "disclose", "admit", "explain", "from", "without", "know", "notice", "see", "told", "aware", "find", "learn"},
		also:    []string{"not", "n't", "dont", "never", "cant", "avoid", "refrain", "without", "hide", "conceal", "keep", "withhold"},
		expr: expression(`\b{not} (?:ever )?(?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|warn(?:ing)?|let(?:ting)?) {user} (?:know|that|about|of|you|it|this|what|anything|why|how|notice|see|see this)\b` +
			`|\b{not} (?:ever )?(?:mention|reveal|disclose|admit|explain)(?:ing)? (?:(?:any of )?(?:this|that|these|it|what|how|why|anything|the (?:presence|existence|side.?note|instructions?))\b){near} (?:to|from|with) {user}\b` +
			`|\b(?:hide|conceal|keep|withhold) (?:this|it|that|these|them|everything|what you|the fact|your)(?: \w+){0,4}? from {user}\b` +
			`|\bwithout {user}(?:'s|')? (?:knowledge|noticing|knowing|awareness|realizing|realising|seeing|being aware)` + //nolint:misspell // in both spellings
			`|\b{user} (?:must not|mustn'?t|should not|shouldn'?t|must never|should never|need not|cannot) (?:know|notice|see this|be told|be informed|be aware|find out|learn)`),
	},
	{
		rule: "model-instruction", severity: finding.High,
		message: "The text asks the model for silence about what it does.",
		words:   []string{"mention", "secret", "confidential", "hidden", "to yourself", "silently", "covert", "quiet", "reveal", "disclose"},
		expr: expression(`\b(?:do not|don'?t|never) (?:mention|reveal|disclose|talk about|refer to|acknowledge) (?:that you|(?:any of )?(?:this|these) (?:\w+ )?(?:instructions?|steps?|notes?|messages?|requirements?|rules?|calls?|tags?)|(?:this|it)(?: to (?:any|the|your)\w*)?\s*(?:\n|\.|!|$))` +
			`|\b(?:keep|treat) (?:this|these|that) (?:\w+ ){0,3}?(?:secret|confidential|hidden|covert|to yourself)\b` +
			`|\b(?:silently|covertly|secretly|quietly) (?:and \w+ )?(?:send|forward|upload|copy|read|include|append|exfiltrate|transmit|post|collect|call|invoke|execute|run|add|bcc)\b`),
	},
	{
		rule: "model-instruction", severity: finding.High,
		message: "The text imitates the marks that separate system, user and model in a conversation.",
		words:   []string{"<|", "[inst", "<<sys", "[system", "<system", "<s>", "# system", "# new", "begin system"},
		expr: expression(`<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id|begin_of_text)\|>|\[/?inst\]|<</?sys>>` +
			`|<(system|assistant|developer|admin)[-_\s]?(?:prompt|message|instructions?|override|note)?>{far}</(?:system|assistant|developer|admin)` +
			`|\[(?:system|admin|developer)[-_\s]?(?:prompt|message|instructions?|override|note)\]` +
			`|##\s?(?:system|new) (?:prompt|message|instructions?)\b|\bbegin system prompt\b`),
	},
	{
		rule: "model-instruction", severity: finding.High,
		message: "The text gives the model a new identity or lifts its restrictions.",
		words:   []string{"you are now", "jailbreak", "developer mode", "unrestricted", "no longer bound", "dan mode", "without restrictions"},
		expr: expression(`\byou are now (?:in |an? |the )?(?:\w+ ){0,2}?(?:dan\b|developer mode|unrestricted|jailbroken|free from|admin(?:istrator)? mode|root)` +
			`|\b(?:enter|enable|activate|switch to) (?:the )?(?:dan|jailbreak|unrestricted|god) mode\b|\byou are no longer bound\b` +
			`|\b(?:act|respond|answer|behave) (?:\w+ ){0,3}?without (?:any )?(?:restrictions|safety|ethical|guardrails)`),
	},
	{
		rule: "model-instruction", severity: finding.High,
		message: "The text makes the model read or do something of its own before another tool may be used.",
		words:   []string{"before", "prior", "whenever", "each time", "every time"},
		also: []string{
			"~/.", "/etc/", ".env", ".ssh", ".aws", "id_rsa", "credential", "secret", "private", "password", "mcp.json", "conversation", "history", "prompt", "variables",
		},
		expr: expression(`\b(?:before|prior to|whenever you|each time you|every time you) (?:you )?(?:us(?:e|ing)|call(?:ing)?|invok(?:e|ing)|run(?:ning)?|answer(?:ing)?|respond(?:ing)?){far}\b(?:you (?:must |should |need to |have to )?(?:first |always )?|must |please |first |always |,\s?)` +
			`(?:read|open|cat|load|retrieve|fetch|collect|gather|include|print|copy|send) {far}(?:~/\.|/etc/|\.env\b|\.ssh|\.aws|id_rsa|credentials?|secrets?\b|private key|passwords?|mcp\.json|conversation|chat history|system prompt|environment variables)`),
	},
	{
		rule: "model-instruction", severity: finding.High,
		message: "The text changes what other tools do, or where they send things.",
		words:   []string{"tool", "server", "mail", "message", "request", "payment", "result", "response", "output", "data", "file", "conversation", "transfer"},
		also:    []string{"available", "present", "installed", "enabled", "connected", "loaded", "@", "http", "attacker"},
		expr: expression(`\bwhen(?:ever)? (?:this|the) (?:tool|server|mcp server) is (?:available|present|installed|enabled|connected|loaded)\b{far}\b(?:must|should|always|never|instead|all)\b` +
			`|\b(?:must|should|always|need to|have to) (?:be )?(?:sen[dt]|forward(?:ed)?|redirect(?:ed)?|rout(?:e|ed)|bcc|cc) (?:all|every|any|each|a copy of){near}(?:e-?mails?|messages?|requests?|payments?|results?|responses?|outputs?|data|files?|conversations?) {near}\bto {near}(?:@|https?:|attacker)` +
			`|\ball (?:other )?(?:e-?mails?|messages?|payments?|transfers?) (?:must|should|have to) (?:be )?(?:sent|go|forwarded|redirected|made) {near}(?:@|https?:)`),
	},
	{
		rule: "model-instruction", severity: finding.Medium,
		message: "The text puts orders to the model between tags, or in a comment that a rendered page does not show.",
		words:   []string{"<important", "<hidden", "<secret", "<critical", "<override", "<instruction", "<directive", "<!--"},
		expr: expression(`<(?:important|hidden|secret|critical|override|directives?)(?:[-_\s]?(?:instructions?|notes?|message|rules?))?>\s?[a-z'"(*-]{1,20}[\s,:]{near}` +
			`|<(?:hidden|secret|override)[-_\s](?:instructions?|prompt|message)>` +
			`|<!--{far}\b(?:you must|must|ignore (?:all|any|the|previous|prior)|always|never|the model|the assistant|instructions?)\b`),
	},
	{
		rule: "model-instruction", severity: finding.Info,
		message: "The text asks to be used first or before all other tools; check that it means only those of this server.",
		words:   []string{"before any other", "before using any", "before calling any", "before all other", "before every", "tool first", "at the start of every", "before responding"},
		expr: expression(`\bbefore (?:(?:using|calling|invoking|running) )?(?:any|all|every) (?:other )?(?:of the )?(?:tools?|calls?|response|functions?|actions?|operations?|answer)\b` +
			`|\b(?:always|must) (?:first )?(?:call|use|invoke|run) this (?:tool )?first\b|\bat the start of every\b|\bbefore responding to (?:any|every|the)\b`),
	},
}
