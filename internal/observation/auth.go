package observation

// Auth is what a server that wants authentication tells a client beforehand. What it does not tell is absent; lists but Servers are sorted.
type Auth struct {
	// Schemes are those of its challenges (RFC 9110, section 11.1), in lower case, such as bearer.
	Schemes []string `json:"schemes,omitempty"`
	// Scopes are those that the challenge asks for, or else all that the resource knows.
	Scopes []string `json:"scopes,omitempty"`
	// Resource is the identifier to name when a token is asked for (RFC 8707), as its own metadata has it (RFC 9728).
	Resource string `json:"resource,omitempty"`
	// Servers give tokens for it; clients take the first that they can.
	Servers []AuthorizationServer `json:"authorizationServers,omitempty"`
}

// AuthorizationServer is the metadata of an OAuth 2.0 authorization server (RFC 8414) or OpenID provider, in as far as it says how a client
// comes to a token. Of a server without metadata only the issuer is known. A client must be registered beforehand where there are neither
// client ID metadata documents nor an endpoint for registration.
type AuthorizationServer struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorizationEndpoint,omitempty"`
	TokenEndpoint         string `json:"tokenEndpoint,omitempty"`
	// ClientIDMetadataDocument says that a client's identifier may be the address of a document about it.
	ClientIDMetadataDocument bool `json:"clientIdMetadataDocument,omitempty"`
	// RegistrationEndpoint is that of dynamic registration (RFC 7591).
	RegistrationEndpoint string   `json:"registrationEndpoint,omitempty"`
	Scopes               []string `json:"scopes,omitempty"`
	// GrantTypes has refresh_token where a token can be renewed without its user.
	GrantTypes           []string `json:"grantTypes,omitempty"`
	CodeChallengeMethods []string `json:"codeChallengeMethods,omitempty"` // of PKCE (RFC 7636)
	// IssuerInResponse says that responses name the issuer (RFC 9207).
	IssuerInResponse bool `json:"issuerInResponse,omitempty"`
}
