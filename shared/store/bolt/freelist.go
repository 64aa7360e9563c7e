package bolt

import (
	"encoding/binary"
	"fmt"
	"io"
)

// What bbolt's file looks like, as far as it has to be known here: a page
// begins with its id, flags, count and overflow; a meta page goes on with where
// the list of free pages is and the number of its commit; that list is the ids
// of the pages. All of it is in the machine's byte order.
const (
	pageHeader   = 16
	freelistFlag = 0x10
	manyPages    = 0xFFFF // a count that says: the first id is the count
	metaFreelist = pageHeader + 32
	metaTxID     = pageHeader + 48
	metaBytes    = pageHeader + 64
)

// readFreelist reads which pages are free, as of the commit of that number, of a
// file of so many pages.
//
// bbolt tells of a page whether it is free only by touching it, which would read
// the whole file, and does not check the list, by which it writes.
func readFreelist(file io.ReaderAt, pageSize int64, commit, pages uint64) ([]uint64, error) {
	at, err := freelistPage(file, pageSize, commit)
	if err != nil {
		return nil, err
	}
	if at >= pages {
		return nil, errFreelist
	}
	r := io.NewSectionReader(file, int64(at)*pageSize, int64(pages-at)*pageSize)
	head := make([]byte, pageHeader)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	flags, count := binary.NativeEndian.Uint16(head[8:]), uint64(binary.NativeEndian.Uint16(head[10:]))
	if binary.NativeEndian.Uint64(head) != at || flags != freelistFlag {
		return nil, errFreelist
	}
	if count == manyPages {
		if err := binary.Read(r, binary.NativeEndian, &count); err != nil {
			return nil, err
		}
	}
	if count > pages {
		return nil, errFreelist
	}
	ids := make([]uint64, count)
	if err := binary.Read(r, binary.NativeEndian, ids); err != nil {
		return nil, err
	}
	last := uint64(1) // the meta pages are never free
	for _, id := range ids {
		if id <= last || id >= pages {
			return nil, errFreelist
		}
		last = id
	}
	return ids, nil
}

var errFreelist = fmt.Errorf("%w: its list of free pages is none", errDamaged)

// freelistPage is where the list is. The meta page of a commit has its number.
func freelistPage(file io.ReaderAt, pageSize int64, commit uint64) (uint64, error) {
	for i := range int64(2) {
		meta := make([]byte, metaBytes)
		if _, err := file.ReadAt(meta, i*pageSize); err != nil {
			return 0, err
		}
		if binary.NativeEndian.Uint64(meta[metaTxID:]) == commit {
			return binary.NativeEndian.Uint64(meta[metaFreelist:]), nil
		}
	}
	return 0, fmt.Errorf("%w: no meta page has the number of the last commit", errDamaged)
}
