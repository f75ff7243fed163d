package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// SPDXType is the predicate type of an SPDX document of any version, which cosign calls spdxjson.
const SPDXType = "https://spdx.dev/Document"

// SPDX states what the subject consists of. The predicate is the SPDX 2 document itself, given as JSON.
func SPDX(about Subject, document []byte) (Statement, error) {
	var head struct {
		Version string `json:"spdxVersion"`
	}
	if err := json.Unmarshal(document, &head); err != nil {
		return Statement{}, fmt.Errorf("SPDX document: %w", err)
	}
	if !strings.HasPrefix(head.Version, "SPDX-2.") {
		return Statement{}, errors.New("SPDX document: spdxVersion is not SPDX-2.x; is it an SPDX 2 document in JSON?")
	}
	return build(about, SPDXType, document)
}
