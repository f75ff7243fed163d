package public_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/slipway-dev/slipway/internal/public"
)

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	t.Parallel()
	client := http.Client{Transport: public.Transport()}
	for _, host := range []string{
		"127.0.0.1:1", "localhost:1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "[::1]:1", "[::ffff:127.0.0.1]:1",
		"[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "224.0.0.1", "255.255.255.255", "198.18.0.1",
	} {
		resp, err := client.Get("https://" + host + "/")
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, public.ErrAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestOnlyTLSIsSpoken(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	client := http.Client{Transport: public.Transport(netip.MustParsePrefix("127.0.0.0/8"))}
	resp, err := client.Get(plain.URL)
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, public.ErrScheme) {
		t.Errorf("got %v", err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	client := http.Client{Transport: public.Transport(netip.MustParsePrefix("127.0.0.0/8"))}
	resp, err := client.Get(secure.URL)
	if err == nil {
		_ = resp.Body.Close()
	}
	var wrong *tls.CertificateVerificationError
	if !errors.As(err, &wrong) {
		t.Errorf("got %v", err)
	}
}
