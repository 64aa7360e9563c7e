package chat

// A Line is an event with its JSON, which is encoded once and shared by
// everybody that it is passed on to: nobody changes it.
type Line struct {
	Event
	JSON []byte
}

// NewLine encodes an event. A line is what is shown of it, without what
// is only on the way.
func NewLine(ev Event) Line {
	ev = ev.Shown()
	return Line{Event: ev, JSON: JSON(ev)}
}

// MarshalJSON gives the event's JSON.
func (l Line) MarshalJSON() ([]byte, error) { return l.JSON, nil }
