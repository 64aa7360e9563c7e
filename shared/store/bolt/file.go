package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"confab/shared/store"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	fileName    = "confab.db"
	newSuffix   = ".new" // of a file that is not complete yet
	lockName    = "lock"
	fileVersion = 4 // 1 had no bucket rights, 2 no bucket users, 3 did not count the bytes of a room

	oldestVersion = 1 // that can be brought up to date

	lockTimeout = 100 * time.Millisecond
	minMap      = 1 << 30 // bytes of address space, not of memory
	growBytes   = 2 << 20 // by which the file grows
)

var versionKey = []byte("version")

// laterBuckets are those that a file of an earlier version, or of the first
// servers of this one, has not.
var laterBuckets = [][]byte{rightsBucket, usersBucket, outboxBucket, noticeBucket, marksBucket, auditBucket}

// lockFolder makes the folder, and locks it for as long as the file that it
// returns is open. The server before this one locked the same file.
func lockFolder(dir string) (*os.File, error) {
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, errInUse(dir)
	}
	return f, nil
}

func errInUse(dir string) error {
	return fmt.Errorf("DATA_DIR: %s is in use by another server: set another DATA_DIR or stop that one", dir)
}

// makeFolder makes a folder that is still there after the power failed.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(dir))
}

// syncFolder writes to the disk which files are in a folder.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) || errors.Is(err, os.ErrPermission) { // not every system can, or has to
		err = nil
	}
	return errors.Join(err, f.Close())
}

// openFolder opens the file of a folder that is locked, or makes it, of what an
// earlier server kept there.
func openFolder(ctx context.Context, opts store.Options, clock func() time.Time) (*bbolt.DB, *os.File, error) {
	path := filepath.Join(opts.Dir, fileName)
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = create(path, func(db *bbolt.DB) error { return importJournal(ctx, opts, db, clock()) })
	}
	if err != nil {
		return nil, nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	db, file, err := openFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	if err := setAside(db, opts); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("DATA_DIR: %w", err), db.Close())
	}
	if err := bringUpToDate(db, opts); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("DATA_DIR: %w", explain(path, err)), db.Close())
	}
	return db, file, nil
}

// create makes the file and fills it, or leaves nothing behind. It has its name
// when all of it is on the disk.
func create(path string, fill func(*bbolt.DB) error) error {
	unfinished := path + newSuffix
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := fillNew(unfinished, fill)
	if err == nil {
		err = os.Rename(unfinished, path)
	}
	if err != nil {
		_ = os.Remove(unfinished)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func fillNew(path string, fill func(*bbolt.DB) error) error {
	opts := options()
	opts.NoSync = true // all of it is synced at the end
	db, err := bbolt.Open(path, 0o600, opts)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range append([][]byte{confabBucket, roomsBucket, logBucket, editsBucket, activeBucket}, laterBuckets...) {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		version := binary.BigEndian.AppendUint32(nil, fileVersion)
		return tx.Bucket(confabBucket).Put(versionKey, seal(versionKey, version))
	})
	if err == nil {
		err = fill(db)
	}
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

func options() *bbolt.Options {
	return &bbolt.Options{Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, NoStatistics: true}
}

// openFile opens a file that is there, and changes nothing in one that is not
// good: it looks at it before bbolt goes by what is in it.
func openFile(path string) (*bbolt.DB, *os.File, error) {
	db, _, err := openToRead(path)
	if err != nil {
		return nil, nil, err
	}
	if err := db.Close(); err != nil {
		return nil, nil, err
	}
	return openAs(path, options())
}

// openToRead opens a file that is good, and only to read it.
func openToRead(path string) (*bbolt.DB, *os.File, error) {
	opts := options()
	opts.ReadOnly = true
	db, file, err := openAs(path, opts)
	if err != nil {
		return nil, nil, err
	}
	if err := guard(func() error { return check(db, file) }); err != nil {
		return nil, nil, errors.Join(explain(path, err), db.Close())
	}
	return db, file, nil
}

func openAs(path string, opts *bbolt.Options) (db *bbolt.DB, file *os.File, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() == 0 { // bbolt would begin it anew
		return nil, nil, explain(path, fmt.Errorf("%w: it is empty", errDamaged))
	}
	opts.InitialMmapSize = mapBytes(info.Size())
	opts.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
		return file, err
	}
	err = guard(func() (err error) { db, err = bbolt.Open(path, 0o600, opts); return err })
	if err == nil {
		db.AllocSize = growBytes
		return db, file, nil
	}
	if file != nil {
		_ = file.Close() // which bbolt leaves open when it panics
	}
	return nil, nil, explain(path, err)
}

// mapBytes is how much address space the file gets: when it has grown by that
// much, posts wait for a moment until nobody reads.
func mapBytes(size int64) int {
	if ^uint(0)>>32 == 0 || !sparseMaps {
		return 0
	}
	return int(max(minMap, 8*size))
}

const whatToDo = "nothing was changed; keep a copy, move it away, and put the last backup in its place (confab restore)"

// explain makes one sentence of what keeps a file from being opened.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return errors.New(path + " is in use by another server: set another DATA_DIR or stop that one")
	case errors.Is(err, errOther), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return err
	case errors.Is(err, errDamaged), errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("%s is damaged, or no file of Confab's (%v): %s", path, err, whatToDo)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// errOther is that a file is good, but of another version.
var errOther = errors.New("another version")

// check looks at what can be seen without reading all of the file.
func check(db *bbolt.DB, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("%w: it ends after %d bytes of %d", errDamaged, info.Size(), tx.Size())
		}
		page := int64(db.Info().PageSize)
		if _, err := readFreelist(file, page, uint64(tx.ID()), uint64(tx.Size()/page)); err != nil {
			return err
		}
		confab := tx.Bucket(confabBucket)
		if confab == nil {
			return fmt.Errorf("%w: it says no version", errDamaged)
		}
		v, err := unseal(versionKey, confab.Get(versionKey))
		if err != nil || len(v) != 4 {
			return fmt.Errorf("%w: it says no version", errDamaged)
		}
		switch v := binary.BigEndian.Uint32(v); {
		case v > fileVersion:
			return fmt.Errorf("%w: %s was written by a newer Confab (version %d of the file, this one knows %d): start that one, or set another DATA_DIR; nothing was changed", errOther, db.Path(), v, fileVersion)
		case v < oldestVersion:
			return fmt.Errorf("%w: %s was written by an older Confab (version %d of the file, this one knows %d): start that one, or set another DATA_DIR; nothing was changed", errOther, db.Path(), v, fileVersion)
		}
		for _, name := range [][]byte{roomsBucket, logBucket, editsBucket, activeBucket} {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("%w: it has no bucket %s", errDamaged, name)
			}
		}
		return nil
	})
}
