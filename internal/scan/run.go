package scan

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"
)

// Run asks all scanners side by side and returns one report each, in their order. Every scanner gets at most limit; one that does not
// stop then is left behind and reported as failed, so that Run itself always returns in time.
func Run(ctx context.Context, scanners []Scanner, s Subject, limit time.Duration) []Report {
	reports := make([]Report, len(scanners))
	var wait sync.WaitGroup
	for i, scanner := range scanners {
		wait.Go(func() { reports[i] = ask(ctx, scanner, s, limit) })
	}
	wait.Wait()
	return reports
}

// The units of what scanners look at.
const (
	definitions = "definitions"
	packages    = "packages"
)

// answer is what comes back from a scanner's goroutine.
type answer struct {
	name, version string
	of            int
	unit          string // what is counted
	result        Result
	err           error
}

func ask(ctx context.Context, scanner Scanner, s Subject, limit time.Duration) Report {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	identity := make(chan answer, 1)
	done := make(chan answer, 1) // buffered: a scanner that comes too late must not wait for a reader
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.err = fmt.Errorf("it panicked: %v", p)
			}
			done <- a
		}()
		a.name, a.version = scanner.Name(), scanner.Version()
		a.of, a.unit = s.Definitions(), definitions
		if p, ok := scanner.(PackageScanner); ok {
			a.of, a.unit = p.Packages(s), packages
		}
		identity <- a
		a.result, a.err = scanner.Scan(ctx, s)
		a.version = cmp.Or(a.version, a.result.Version)
	}()
	select {
	case a := <-done:
		return judge(a, s)
	case <-ctx.Done():
	}
	var a answer
	select {
	case a = <-identity:
	default:
	}
	a.err = ctx.Err()
	return judge(a, s)
}
