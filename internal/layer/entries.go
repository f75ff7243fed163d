package layer

import (
	"archive/tar"
	"bufio"
	"fmt"
	"io"
)

// What hides files of lower layers, see the OCI image layer specification, "Whiteouts".
const (
	Whiteout       = ".wh."         // before the name of what is hidden
	OpaqueWhiteout = ".wh..wh..opq" // hides all that is in its folder
)

// maxEntries bounds the files, folders and links of all layers of an image.
const maxEntries = 500_000

// Entries reads the tar archives of one image's layers, one after another. Its zero value is ready.
type Entries struct{ seen int }

// Each calls visit for each entry of the next layer's archive, in order, up to the archive's end; more may follow that in the stream. An error of visit
// ends it and is returned with the name of the entry.
func (e *Entries) Each(archive io.Reader, visit func(h *tar.Header, content io.Reader) error) error {
	// The tar reader asks for 512 bytes at a time.
	entries := tar.NewReader(bufio.NewReaderSize(archive, 256<<10))
	for {
		h, err := entries.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if e.seen++; e.seen > maxEntries {
			return fmt.Errorf("the image has more than %d files", maxEntries)
		}
		if err := visit(h, entries); err != nil {
			return fmt.Errorf("%.300q: %w", h.Name, err)
		}
	}
}
