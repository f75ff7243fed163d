package github

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"

	api "github.com/google/go-github/v62/github"
)

// UploadFindings shows the findings of a SARIF file on the pull request that a run judged. GitHub reads the file, and compares it with the
// findings of the base branch; which branch that is does not depend on the file.
func (r *Repository) UploadFindings(ctx context.Context, run Run, sarif []byte) error {
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	if _, err := zipped.Write(sarif); err != nil {
		return err
	}
	if err := zipped.Close(); err != nil {
		return err
	}
	text, ref := base64.StdEncoding.EncodeToString(packed.Bytes()), fmt.Sprintf("refs/pull/%d/head", run.Pull)
	if _, _, err := r.client.CodeScanning.UploadSarif(ctx, r.owner, r.name, &api.SarifAnalysis{CommitSHA: &run.Commit, Ref: &ref, Sarif: &text}); err != nil {
		return fmt.Errorf("upload the findings on #%d: %w", run.Pull, err)
	}
	return nil
}
