package base

import (
	"io/fs"
	"strings"

	"github.com/slipway-dev/slipway/internal/layer"
)

// nonroot is the user that images run as.
const nonroot = "65532"

// systemFiles is what the scripts of packages that are not here would have written.
var systemFiles = []struct{ name, text string }{
	{"etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" +
		"nonroot:x:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin\n"},
	{"etc/group", "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n"},
	{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
}

func writeSystem(w *layer.Writer, certificates map[string][]byte) error {
	for _, f := range systemFiles {
		if err := w.WriteFile(f.name, 0o644, int64(len(f.text)), strings.NewReader(f.text)); err != nil {
			return err
		}
	}
	// Every entry of a layer is root's, so that this is how the one other user can write at home.
	for _, dir := range []string{"tmp", "home/nonroot"} {
		if err := w.WriteDir(dir, fs.ModeSticky|0o777); err != nil {
			return err
		}
	}
	if len(certificates) == 0 {
		return nil
	}
	text := string(bundle(certificates))
	return w.WriteFile(bundleFile, 0o644, int64(len(text)), strings.NewReader(text))
}
