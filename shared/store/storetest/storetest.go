// Package storetest holds the promises of package store as tests that every
// engine has to pass, and what such tests need.
package storetest

import (
	"testing"
	"time"

	"confab/shared/store"
)

// An Engine is one set of rooms, empty at first, as a test sees it.
type Engine struct {
	// Open opens it, and closes it at the end of the test.
	Open func(testing.TB, store.Options) store.Store
	// Shared says that what is opened a second time is another server with the
	// same rooms.
	Shared bool
	// Age makes everything that an engine knows of idempotency keys older, as
	// if so much time had passed.
	Age func(testing.TB, store.Store, time.Duration)
	// AgeName makes the last use of a name that somebody owns older.
	AgeName func(tb testing.TB, s store.Store, name string, by time.Duration)
	// AgeTasks makes what was handed out of the outbox older.
	AgeTasks func(testing.TB, store.Store, time.Duration)
	// CutSubscription breaks the connection on which an engine is told of events
	// that were written elsewhere. Nil: there is none.
	CutSubscription func(store.Store)
	// Slack is how many events a room may keep beyond its history.
	Slack int
}

// RunUsers runs the part of the contract that is about users, whom an engine may
// keep elsewhere than the rooms.
func RunUsers(t *testing.T, engine func(testing.TB) Engine) {
	for name, test := range map[string]func(*testing.T, Engine){
		"NameHasOneHolder":                testNameHasOneHolder,
		"NameHasOneSpeakerAtATime":        testNameHasOneSpeakerAtATime,
		"DepositIsWithdrawnOnce":          testDepositIsWithdrawnOnce,
		"SessionsAreListed":               testSessionsAreListed,
		"EndedSessionStaysEnded":          testEndedSessionStaysEnded,
		"SignedOutEverywhereOnAllServers": testSignedOutEverywhereOnAllServers,
	} {
		t.Run(name, func(t *testing.T) { test(t, engine(t)) })
	}
}

// Run runs the whole contract. The function makes an engine for one test.
func Run(t *testing.T, engine func(testing.TB) Engine) {
	for _, promise := range []struct {
		name string
		test func(*testing.T, Engine)
	}{
		{"AppendChainsEventsByPrev", testAppendChainsEventsByPrev},
		{"ConcurrentAppendsMakeOneChain", testConcurrentAppendsMakeOneChain},
		{"RepeatUnderItsKeyIsOneEvent", testRepeatUnderItsKeyIsOneEvent},
		{"KeyIsKnownUntilTheSecondGenerationAfterIt", testKeyIsKnownUntilTheSecondGenerationAfterIt},
		{"ConcurrentRepeatsAreOneEvent", testConcurrentRepeatsAreOneEvent},
		{"OnlyTheAuthorChangesAMessage", testOnlyTheAuthorChangesAMessage},
		{"DeleteTakesTheTextOutOfTheLog", testDeleteTakesTheTextOutOfTheLog},
		{"EditReplacesTheTextInTheLog", testEditReplacesTheTextInTheLog},
		{"PostsAreLimited", testPostsAreLimited},
		{"OneNetworkFillsAShareOfARoom", testOneNetworkFillsAShareOfARoom},
		{"OneNetworkBeginsSoManyRooms", testOneNetworkBeginsSoManyRooms},
		{"MessageHasSoManyReactions", testMessageHasSoManyReactions},
		{"AllowCountsOnAllServers", testAllowCountsOnAllServers},
		{"SinceGoesOnAfterWhatWasDeleted", testSinceGoesOnAfterWhatWasDeleted},
		{"BeforeGivesPages", testBeforeGivesPages},
		{"RoomsAreListedByActivity", testRoomsAreListedByActivity},
		{"RoomIsNamedInAnyScript", testRoomIsNamedInAnyScript},
		{"RoomKeepsSoMuch", testRoomKeepsSoMuch},
		{"RoomKeepsSoManyBytes", testRoomKeepsSoManyBytes},
		{"IdleRoomForgets", testIdleRoomForgets},
		{"FollowIsGapFreeUnderConcurrentAppends", testFollowIsGapFreeUnderConcurrentAppends},
		{"FollowIsGapFreeAcrossServers", testFollowIsGapFreeAcrossServers},
		{"FollowFromTheBeginningOfARoom", testFollowFromTheBeginningOfARoom},
		{"RoomIsLeftAndJoinedAgain", testRoomIsLeftAndJoinedAgain},
		{"RoomIsLeftByItsOnlyFollower", testRoomIsLeftByItsOnlyFollower},
		{"ManyRoomsAreFollowedAtOnce", testManyRoomsAreFollowedAtOnce},
		{"SignalsPassBy", testSignalsPassBy},
		{"ReadyMeansThatItDelivers", testReadyMeansThatItDelivers},
		{"CloseEndsWhoWaits", testCloseEndsWhoWaits},
		{"Presence", testPresence},
		{"DepositIsWithdrawnOnce", testDepositIsWithdrawnOnce},
		{"SessionsAreListed", testSessionsAreListed},
		{"EndedSessionStaysEnded", testEndedSessionStaysEnded},
		{"SignedOutEverywhereOnAllServers", testSignedOutEverywhereOnAllServers},
		{"NameHasOneHolder", testNameHasOneHolder},
		{"NameHasOneSpeakerAtATime", testNameHasOneSpeakerAtATime},
		{"OwnedNameIsRefusedToOthers", testOwnedNameIsRefusedToOthers},
		{"NameIsOwnedByOne", testNameIsOwnedByOne},
		{"AccountIsChangedByOneAtATime", testAccountIsChangedByOneAtATime},
		{"PrivateRoomIsItsMembers", testPrivateRoomIsItsMembers},
		{"BanHoldsFromItsAcknowledgementOn", testBanHoldsFromItsAcknowledgementOn},
		{"ModeratorsModerate", testModeratorsModerate},
		{"ModeratorTakesOutAnyLine", testModeratorTakesOutAnyLine},
		{"OperatorIsOwnerEverywhere", testOperatorIsOwnerEverywhere},
		{"AuditHasWhatWasDoneInAllRooms", testAuditHasWhatWasDoneInAllRooms},
		{"ModeratorsHaveNoDaysShare", testModeratorsHaveNoDaysShare},
		{"InviteLetsInSoMany", testInviteLetsInSoMany},
		{"SlowRoomHasUsersWait", testSlowRoomHasUsersWait},
		{"ClosedRoomIsErased", testClosedRoomIsErased},
		{"RoomHasSoManyPeople", testRoomHasSoManyPeople},
		{"MadeRoomsAreCounted", testMadeRoomsAreCounted},
		{"RoomForgetsAsItsOwnerSays", testRoomForgetsAsItsOwnerSays},
		{"EventThatConcernsSomebodyIsATask", testEventThatConcernsSomebodyIsATask},
		{"TaskIsHandedOutAgain", testTaskIsHandedOutAgain},
		{"NoticeIsWrittenOnce", testNoticeIsWrittenOnce},
		{"InboxIsItsUsers", testInboxIsItsUsers},
		{"InboxKeepsSoMuch", testInboxKeepsSoMuch},
		{"InboxesAreFollowedTogether", testInboxesAreFollowedTogether},
		{"MarksNeverGoBack", testMarksNeverGoBack},
		{"UserHasSoManyMarks", testUserHasSoManyMarks},
		{"InboxIsErased", testInboxIsErased},
		{"LogIsAsTheModelSays", testLogIsAsTheModelSays},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.test(t, engine(t)) })
	}
}
