package sandbox

// Folder is where the files of the run are kept while it lasts.
func (p *Process) Folder() string { return string(p.dir) }
