package npmrc

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Header returns the header that a request to u carries: the credentials of the longest //host/path/ in the configuration that u lies
// below, and none where there is no such.
func (c *Config) Header(u *url.URL) (http.Header, error) {
	header := http.Header{}
	path := "//" + u.Host + u.EscapedPath()
	for len(path) > len("//") {
		authorization, err := c.authorization(path)
		if err != nil {
			return nil, err
		}
		if authorization != "" {
			header.Set("Authorization", authorization)
			return header, nil
		}
		if shorter, ok := strings.CutSuffix(path, "/"); ok {
			path = shorter
		} else {
			path = path[:strings.LastIndexByte(path, '/')+1]
		}
	}
	return header, nil
}

// authorization returns the field's value for exactly one //host/path of the configuration; empty if it has no credentials.
func (c *Config) authorization(path string) (string, error) {
	if token := c.settings[path+":_authToken"]; token != "" {
		return "Bearer " + token, checkValue(path+":_authToken", token)
	}
	if auth := c.settings[path+":_auth"]; auth != "" {
		return "Basic " + auth, checkValue(path+":_auth", auth)
	}
	user, encoded := c.settings[path+":username"], c.settings[path+":_password"]
	if user == "" || encoded == "" {
		return "", nil
	}
	password, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("the npm setting %s:_password is not base64: npm login writes it so", path)
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+string(password))), nil
}

// checkValue refuses what cannot be sent, and a variable that is not set, which the server would answer with a puzzling refusal.
func checkValue(setting, value string) error {
	if strings.Contains(value, "${") {
		return fmt.Errorf("the npm setting %s names an environment variable that is not set: set it, or remove the setting", setting)
	}
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("the npm setting %s holds a character that an HTTP header cannot carry", setting)
		}
	}
	return nil
}

// checkCredentials refuses credentials that belong to no host: they would go to whichever registry is set.
func (c *Config) checkCredentials() error {
	for _, setting := range []string{"_authToken", "_auth", "_password", "_authtoken"} {
		if c.settings[setting] != "" {
			return fmt.Errorf("the npm setting %s is bound to no registry: write it as //HOST/PATH/:%s", setting, setting)
		}
	}
	return nil
}
