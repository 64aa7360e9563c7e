package samlocal

import (
	"strings"
	"testing"
)

func TestGatewayIsTheDefaultRoute(t *testing.T) {
	for _, tt := range []struct {
		routes, want string
	}{
		{"Iface\tDestination\tGateway\tFlags\neth0\t000011AC\t00000000\t0001\neth0\t00000000\t010011AC\t0003\n", "172.17.0.1"},
		{"Iface\tDestination\tGateway\tFlags\neth0\t000011AC\t00000000\t0001\n", ""},
		{"eth0\t00000000\tnonsense\n", ""},
		{"", ""},
	} {
		got, ok := gateway(strings.NewReader(tt.routes))
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("gateway of %q is %v, %t; want %q", tt.routes, got, ok, tt.want)
		}
	}
}

func TestOtherAddressesStay(t *testing.T) {
	for _, address := range []string{"", "redis://127.0.0.1:6379", "rediss://:secret@cache.example:6380?cluster=true", "::"} {
		if got := FromContainer(address); got != address {
			t.Errorf("FromContainer(%q) = %q", address, got)
		}
	}
}
