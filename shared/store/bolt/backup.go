package bolt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	socketName   = "backup.sock"
	backupHead   = "confab backup %d\n" // what a server says first, with the size of what follows
	backupStall  = 10 * time.Second     // without a byte, after which a backup is given up
	longestPath  = 100                  // bytes of a socket's address, on any system
	backupsRoute = "/proc/self/fd/%d/" + socketName
)

// serveBackups gives a copy of the file to each that connects to a socket in its
// folder, one after the other, until the store is closed. Whoever may use the
// folder may connect.
//
// Decision: a socket, because another process cannot read the file while pages
// are used again under it, and it cannot have the lock of the file. Not a route,
// which would need an operator's name and would be open to the net.
func (s *Store) serveBackups() {
	l, closed, err := s.listenForBackups()
	if err != nil {
		s.log.Warn("no backups while this server runs", "err", err)
		return
	}
	defer closed()
	stop := context.AfterFunc(s.run, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if s.run.Err() == nil {
				s.log.Warn("no more backups while this server runs", "err", err)
			}
			return
		}
		stop := context.AfterFunc(s.run, func() { conn.Close() })
		if err := s.sendBackup(conn); err != nil {
			s.log.Warn("backup failed", "err", err)
		}
		stop()
		conn.Close()
	}
}

func (s *Store) listenForBackups() (l net.Listener, closed func(), err error) {
	path, closed, err := socketPath(s.opts.Dir)
	if err != nil {
		return nil, nil, err
	}
	if err = os.Remove(path); err == nil || errors.Is(err, fs.ErrNotExist) { // what a process that died left behind
		l, err = net.Listen("unix", path)
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		closed()
		return nil, nil, err
	}
	return l, closed, nil
}

// socketPath is where the socket of a folder is. The address of a socket must
// be short; a folder's path may be long.
func socketPath(dir string) (path string, closed func(), err error) {
	path = filepath.Join(dir, socketName)
	if len(path) <= longestPath {
		return path, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf(backupsRoute, f.Fd()), func() { f.Close() }, nil
}

func (s *Store) sendBackup(conn net.Conn) error {
	var snap *snapshot
	var err error
	ran := s.chore(func() {
		if snap, err = s.snapshot(); err == nil {
			s.snapshots++
		}
	})
	if !ran || err != nil {
		return err
	}
	defer func() {
		_ = snap.tx.Rollback()
		s.chore(func() { s.snapshots-- })
	}()
	w := steady{conn}
	if _, err := fmt.Fprintf(w, backupHead, snap.size()); err != nil {
		return err
	}
	n, err := snap.WriteTo(w)
	if err == nil {
		s.log.Info("backup given", "bytes", n)
	}
	return err
}

// A steady connection fails when its peer takes nothing, or gives nothing.
type steady struct{ net.Conn }

func (c steady) Write(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(backupStall))
	return c.Conn.Write(b)
}

func (c steady) Read(b []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(backupStall))
	return c.Conn.Read(b)
}

// Backup copies all rooms of a folder to a file that is not there yet, from the
// server that has the folder open, or without one. What it copied has been read
// again, and is on the disk.
func Backup(ctx context.Context, dir, file string) (Copied, error) {
	if _, err := os.Lstat(file); err == nil {
		return Copied{}, fmt.Errorf("%s is there already: name a file that is not", file)
	}
	if _, err := os.Stat(filepath.Join(dir, fileName)); err != nil {
		return Copied{}, fmt.Errorf("DATA_DIR: there is no chat in %s: %w", dir, err)
	}
	conn, err := dialServer(ctx, dir)
	if err == nil {
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		return save(file, func(w io.Writer) error { return receive(w, steady{conn}) })
	}
	return backupAlone(dir, file, err)
}

func dialServer(ctx context.Context, dir string) (net.Conn, error) {
	path, closed, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer closed()
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

func receive(w io.Writer, r io.Reader) error {
	br := bufio.NewReader(r)
	var size int64
	head, err := br.ReadString('\n')
	if err != nil {
		return fmt.Errorf("the server gave no backup: %w", err)
	}
	if _, err := fmt.Sscanf(head, backupHead, &size); err != nil {
		return errors.New("the server gave no backup: it is of another version")
	}
	if n, err := io.CopyN(w, br, size); err != nil {
		return fmt.Errorf("the server gave %d bytes of %d: %w", n, size, err)
	}
	return nil
}

// backupAlone copies the file of a folder that no server has open.
func backupAlone(dir, file string, dialed error) (Copied, error) {
	folder, err := lockFolder(dir)
	if err != nil {
		return Copied{}, fmt.Errorf("%w (the server there gives no backup: %w)", err, dialed)
	}
	defer folder.Close()
	s := &Store{}
	if s.db, s.file, err = openFile(filepath.Join(dir, fileName)); err != nil {
		return Copied{}, fmt.Errorf("DATA_DIR: %w", err)
	}
	defer s.db.Close()
	snap, err := s.snapshot()
	if err != nil {
		return Copied{}, fmt.Errorf("DATA_DIR: %w", err)
	}
	defer func() { _ = snap.tx.Rollback() }()
	return save(file, func(w io.Writer) error { _, err := snap.WriteTo(w); return err })
}

// save writes a backup under another name, reads it, and gives it its name.
func save(file string, write func(io.Writer) error) (Copied, error) {
	unfinished := file + newSuffix
	c, err := saveAs(unfinished, write)
	if err == nil {
		err = publish(unfinished, file)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrExist) {
			_ = os.Remove(unfinished)
		}
		return Copied{}, err
	}
	return c, nil
}

func saveAs(path string, write func(io.Writer) error) (Copied, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Copied{}, err
	}
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Copied{}, err
	}
	return examine(path)
}

// examine reads all of a backup.
func examine(path string) (Copied, error) {
	db, _, err := openToRead(path)
	if err != nil {
		return Copied{}, err
	}
	defer db.Close()
	c, err := verify(db)
	if err != nil {
		return c, explain(path, err)
	}
	return c, nil
}

// publish gives a file its name, unless there is one of that name.
func publish(unfinished, file string) error {
	if err := os.Link(unfinished, file); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already: name a file that is not", file)
		}
		if err := os.Rename(unfinished, file); err != nil { // not every file system has links
			return err
		}
	} else if err := os.Remove(unfinished); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// Restore puts a backup where there is no chat yet.
func Restore(dir, file string) (Copied, error) {
	c, err := examine(file)
	if err != nil {
		return c, err
	}
	folder, err := lockFolder(dir)
	if err != nil {
		return c, err
	}
	defer folder.Close()
	for _, name := range []string{fileName, journalName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return c, fmt.Errorf("DATA_DIR: there is a chat in %s already (%s): move it away, or set another DATA_DIR; nothing was changed", dir, name)
		}
	}
	src, err := os.Open(file)
	if err != nil {
		return c, err
	}
	defer src.Close()
	path := filepath.Join(dir, fileName)
	if err := os.Remove(path + newSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("DATA_DIR: %w", err)
	}
	c, err = save(path, func(w io.Writer) error { _, err := io.Copy(w, src); return err })
	if err != nil {
		return c, fmt.Errorf("DATA_DIR: %w", err)
	}
	return c, nil
}
