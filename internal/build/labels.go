package build

import (
	"maps"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
)

// serverName is the label by which the MCP registry ties an image to a server.
const serverName = "io.modelcontextprotocol.server.name"

const ociPrefix = "org.opencontainers.image."

// facts are what the entry says of its image, under the names of the OCI Image Specification, annotations. What is not known is left out.
func facts(e entry.Entry, namespace string) map[string]string {
	facts := map[string]string{
		serverName:                namespace + "/" + e.Name,
		ociPrefix + "version":     Version(e),
		ociPrefix + "licenses":    e.License,
		ociPrefix + "title":       e.Title,
		ociPrefix + "description": e.Description,
		ociPrefix + "vendor":      e.Publisher.Name,
		ociPrefix + "url":         e.Homepage,
	}
	if e.Repository != nil {
		facts[ociPrefix+"source"] = e.Repository.URL
		facts[ociPrefix+"revision"] = e.Repository.Commit
	}
	maps.DeleteFunc(facts, func(_, value string) bool { return value == "" })
	return facts
}

// labels are the image's: of the base, then of the payload, then of the entry, the later overriding the earlier.
func labels(p Platform, facts map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, p.Base.Labels)
	maps.Copy(all, p.Payload.Labels)
	maps.Copy(all, facts)
	return all
}

// annotations are those labels that have a meaning outside of the container too.
func annotations(labels map[string]string) map[string]string {
	all := maps.Clone(labels)
	maps.DeleteFunc(all, func(name, _ string) bool { return name != serverName && !strings.HasPrefix(name, ociPrefix) })
	return all
}
