package sbom_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdxlib"

	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/sbom"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	amd64  = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64  = v1.Platform{OS: "linux", Architecture: "arm64"}
	origin = sbom.Origin{Created: time.Unix(0, 0).In(time.FixedZone("elsewhere", 3600)), Version: "0.1.0"}
)

func hash(c string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(c, 64)} }

func subject() sbom.Subject {
	return sbom.Subject{
		Name: "npx/context7", Version: "1.0.0", Tag: "1.0.0-r1", License: "MIT", Supplier: "Upstash & friends", Digest: hash("a"),
	}
}

func components() []kind.Component {
	return []kind.Component{
		{
			Name: "@upstash/context7-mcp", Version: "1.0.0", PURL: "pkg:npm/%40upstash/context7-mcp@1.0.0", License: "MIT",
			Algorithm: "SHA512", Digest: strings.Repeat("1", 128), Path: "app/node_modules/@upstash/context7-mcp",
			DependsOn: []string{"pkg:npm/zod@4.0.0", "pkg:npm/zod@3.25.0"}, Supplier: "Upstash",
		},
		{
			Name: "zod", Version: "3.25.0", PURL: "pkg:npm/zod@3.25.0", License: "(MIT OR Apache-2.0)",
			Algorithm: "SHA512", Digest: strings.Repeat("2", 128), Path: "app/node_modules/zod",
		},
		{
			Name: "zod", Version: "3.25.0", PURL: "pkg:npm/zod@3.25.0", License: "(MIT OR Apache-2.0)",
			Algorithm: "SHA512", Digest: strings.Repeat("2", 128), Path: "app/node_modules/x/node_modules/zod",
		},
		{
			Name: "zod", Version: "4.0.0", PURL: "pkg:npm/zod@4.0.0", License: "SEE LICENSE IN LICENSE.txt",
			Algorithm: "SHA512", Digest: strings.Repeat("3", 128), Path: "app/node_modules/y/node_modules/zod",
		},
		{
			Name: "libc6", Version: "2.41-12", PURL: "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie",
			Algorithm: "SHA256", Digest: strings.Repeat("4", 64), Supplier: "Debian",
		},
		{Name: "tzdata", Version: "2026a-0+deb13u1", PURL: "pkg:deb/debian/tzdata@2026a-0%2Bdeb13u1?arch=all&distro=trixie", License: "LicenseRef-public"},
	}
}

func write(t testing.TB, components []kind.Component) []byte {
	t.Helper()
	content, err := sbom.SPDX(subject(), amd64, components, origin)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func read(t testing.TB, content []byte) *spdx.Document {
	t.Helper()
	doc, err := spdxjson.Read(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(doc); err != nil {
		t.Error(err)
	}
	return doc
}

func TestGolden(t *testing.T) {
	t.Parallel()
	index, err := sbom.Index(subject(), []sbom.Platform{{Platform: amd64, Digest: hash("b")}, {Platform: arm64, Digest: hash("c")}}, origin)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"image.json": write(t, components()), "index.json": index} {
		var got bytes.Buffer
		if err := json.Indent(&got, content, "", "  "); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s differs; run go test -update and look at the difference", golden)
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	want := write(t, components())
	for range 20 {
		shuffled := components()
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if !bytes.Equal(write(t, shuffled), want) {
			t.Fatal("another order of the components gave another document")
		}
	}
}

func TestDocumentIsReadBack(t *testing.T) {
	t.Parallel()
	doc := read(t, write(t, components()))
	if doc.SPDXVersion != "SPDX-2.3" || doc.DataLicense != "CC0-1.0" || doc.CreationInfo.Created != "1970-01-01T00:00:00Z" {
		t.Errorf("%s, %s, %s", doc.SPDXVersion, doc.DataLicense, doc.CreationInfo.Created)
	}
	described, err := spdxlib.GetDescribedPackageIDs(doc)
	if err != nil || len(described) != 1 || described[0] != "Image-linux-amd64" {
		t.Errorf("describes %v, %v", described, err)
	}
	count := map[string]int{}
	for _, r := range doc.Relationships {
		count[r.Relationship]++
	}
	if count["CONTAINS"] != 5 || count["DEPENDS_ON"] != 2 || count["DESCRIBES"] != 1 {
		t.Errorf("relationships %v", count)
	}
	valid := regexp.MustCompile(`^[A-Za-z0-9.-]+$`)
	seen := map[common.ElementID]bool{}
	for _, p := range doc.Packages {
		if seen[p.PackageSPDXIdentifier] || !valid.MatchString(string(p.PackageSPDXIdentifier)) {
			t.Errorf("identifier %q", p.PackageSPDXIdentifier)
		}
		seen[p.PackageSPDXIdentifier] = true
		if p.PackageDownloadLocation != "NOASSERTION" || p.PackageLicenseConcluded != "NOASSERTION" || p.FilesAnalyzed {
			t.Errorf("%s: %+v", p.PackageName, p)
		}
	}
}

// What scanners match vulnerabilities by is the package URL of the external reference, and it must be the component's own.
func TestScannersFindPackageURLs(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	for _, p := range read(t, write(t, components())).Packages {
		if len(p.PackageExternalReferences) != 1 {
			t.Fatalf("%s: %d references", p.PackageName, len(p.PackageExternalReferences))
		}
		ref := p.PackageExternalReferences[0]
		if ref.Category != "PACKAGE-MANAGER" || ref.RefType != "purl" {
			t.Errorf("reference %+v", ref)
		}
		found[ref.Locator] = p.PackageLicenseDeclared
	}
	for purl, license := range map[string]string{
		"pkg:oci/context7@sha256:" + hash("a").Hex + "?arch=amd64&tag=1.0.0-r1": "MIT",
		"pkg:npm/%40upstash/context7-mcp@1.0.0":                                 "MIT",
		"pkg:npm/zod@3.25.0":                                                    "(MIT OR Apache-2.0)",
		"pkg:npm/zod@4.0.0":                                                     "LicenseRef-declared-",
		"pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie":                 "NOASSERTION",
		"pkg:deb/debian/tzdata@2026a-0%2Bdeb13u1?arch=all&distro=trixie":        "LicenseRef-declared-",
	} {
		got, ok := found[purl]
		if !ok {
			t.Errorf("%s is missing from %v", purl, found)
		} else if got != license && (!strings.HasSuffix(license, "-") || !strings.HasPrefix(got, license)) {
			t.Errorf("%s has the licence %s, want %s", purl, got, license)
		}
		if _, err := packageurl.FromString(purl); err != nil {
			t.Error(err)
		}
	}
}

func TestDeclaredTextIsKeptWordForWord(t *testing.T) {
	t.Parallel()
	texts := map[string]bool{}
	for _, l := range read(t, write(t, components())).OtherLicenses {
		texts[l.ExtractedText] = true
	}
	if len(texts) != 2 || !texts["SEE LICENSE IN LICENSE.txt"] || !texts["LicenseRef-public"] {
		t.Errorf("%v", texts)
	}
}

func TestBadComponents(t *testing.T) {
	t.Parallel()
	good := components()[1]
	for want, change := range map[string]func(*kind.Component){
		"package URL":               func(c *kind.Component) { c.PURL = "zod@3" },
		"has no name":               func(c *kind.Component) { c.Name = "" },
		"not a SHA256 or SHA512":    func(c *kind.Component) { c.Algorithm = "MD5" },
		"digest in hex":             func(c *kind.Component) { c.Digest = "12" },
		"which is not in the image": func(c *kind.Component) { c.DependsOn = []string{"pkg:npm/gone@1.0.0"} },
	} {
		bad := good
		change(&bad)
		if _, err := sbom.SPDX(subject(), amd64, []kind.Component{bad}, origin); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzLicense(f *testing.F) {
	for _, s := range []string{"MIT", "(MIT OR Apache-2.0) AND BSD-3-Clause", "GPL-2.0+ WITH Classpath-exception-2.0", "((((", "\xff\x00", "UNLICENSED"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, license, supplier string) {
		c := components()[1]
		c.License, c.Supplier = license, supplier
		content := write(t, []kind.Component{c})
		if !json.Valid(content) {
			t.Fatal("not JSON")
		}
		known := map[string]bool{}
		doc := read(t, content)
		for _, l := range doc.OtherLicenses {
			known[l.LicenseIdentifier] = true
		}
		for _, p := range doc.Packages {
			if l := p.PackageLicenseDeclared; strings.Contains(l, "LicenseRef-") && !known[l] {
				t.Errorf("%q refers to a licence that is not explained", l)
			}
		}
	})
}

func BenchmarkSPDXOf500Components(b *testing.B) {
	var many []kind.Component
	for i := range 500 {
		c := kind.Component{
			Name: fmt.Sprintf("package-%d", i), Version: "1.0.0", PURL: fmt.Sprintf("pkg:npm/package-%d@1.0.0", i),
			License: "MIT", Algorithm: "SHA512", Digest: strings.Repeat("1", 128), Path: fmt.Sprintf("app/node_modules/package-%d", i),
		}
		for j := i + 1; j < min(i+4, 500); j++ {
			c.DependsOn = append(c.DependsOn, fmt.Sprintf("pkg:npm/package-%d@1.0.0", j))
		}
		many = append(many, c)
	}
	for b.Loop() {
		if len(write(b, many)) == 0 {
			b.Fatal("empty")
		}
	}
}
