// Package samlocal knows what a function needs to know of sam local, which runs
// it in a container on somebody's machine.
package samlocal

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// hostName is Docker Desktop's name for the machine that it runs on. Docker on
// Linux has none, but there the machine is the container's gateway.
const hostName = "host.docker.internal"

// lookupLimit is how long Docker Desktop may take to say where hostName is. A
// machine without a network waits that long for nothing at each start.
const lookupLimit = 500 * time.Millisecond

// FromContainer returns the address with hostName replaced by what it means
// inside a container. All other addresses stay as they are.
func FromContainer(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() != hostName {
		return address
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	if _, err := net.DefaultResolver.LookupHost(ctx, hostName); err == nil {
		return address
	}
	routes, err := os.Open("/proc/net/route")
	if err != nil {
		return address
	}
	defer routes.Close()
	if host, ok := gateway(routes); ok {
		return strings.Replace(address, hostName, host.String(), 1)
	}
	return address
}

// gateway reads the default route out of /proc/net/route, whose addresses are
// little-endian numbers in hex.
func gateway(routes io.Reader) (netip.Addr, bool) {
	for lines := bufio.NewScanner(routes); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || fields[1] != "00000000" {
			continue
		}
		b, err := hex.DecodeString(fields[2])
		if err != nil || len(b) != 4 {
			continue
		}
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], binary.LittleEndian.Uint32(b))
		return netip.AddrFrom4(ip), true
	}
	return netip.Addr{}, false
}
