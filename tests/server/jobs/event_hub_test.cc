#include "server/jobs/event_hub.h"

#include <set>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::ElementsAre;

EventHub::Event Numbered(int64_t sequence) {
  JobEvent event;
  event.sequence = sequence;
  return std::make_shared<const JobEvent>(event);
}

// What a listener has heard: the sequences of events, 0 for null. Read it after Drain().
struct Ear {
  EventHub::EventCallback Callback() {
    return [this](const EventHub::Event& event) {
      heard.push_back(event == nullptr ? 0 : event->sequence);
      threads.insert(std::this_thread::get_id());
    };
  }
  std::vector<int64_t> heard;
  std::set<std::thread::id> threads;
};

TEST(EventHubTest, ListenersHearOfTheirJobInOrderAndOnAnotherThread) {
  EventHub hub;
  Ear one, all;
  hub.Watch("one", one.Callback());
  hub.Watch("", all.Callback());
  hub.Publish("one", Numbered(1));
  hub.Publish("two", Numbered(2));
  hub.Publish("one", Numbered(3));
  hub.NotifyAll();
  hub.Drain();
  EXPECT_THAT(one.heard, ElementsAre(1, 3, 0));
  EXPECT_THAT(all.heard, ElementsAre(1, 2, 3, 0));
  EXPECT_EQ(one.threads.count(std::this_thread::get_id()), 0u);
  EXPECT_EQ(one.threads, all.threads);
}

TEST(EventHubTest, OnlyTheOneThatIsWokenHears) {
  EventHub hub;
  Ear one, other;
  const EventHub::Subscription subscription = hub.Watch("job", one.Callback());
  hub.Watch("job", other.Callback());
  hub.Wake(subscription);
  hub.Drain();
  EXPECT_THAT(one.heard, ElementsAre(0));
  EXPECT_TRUE(other.heard.empty());
}

// Publishes while the only thread that could call listeners is held: it would never return if it
// waited for one.
TEST(EventHubTest, PublishingWaitsForNoListener) {
  EventHub hub;
  absl::Notification held, go;
  hub.Subscribe("other", [&] {
    held.Notify();
    go.WaitForNotification();
  });
  Ear ear;
  hub.Watch("job", ear.Callback());
  hub.Notify("other");
  held.WaitForNotification();
  for (int i = 1; i <= 100; ++i) hub.Publish("job", Numbered(i));
  EXPECT_TRUE(ear.heard.empty());
  go.Notify();
  hub.Drain();
  ASSERT_EQ(ear.heard.size(), 100u);
  EXPECT_EQ(ear.heard.back(), 100);
}

TEST(EventHubTest, WhatWaitsIsBounded) {
  EventHub hub;
  absl::Notification held, go;
  hub.Subscribe("other", [&] {
    if (!held.HasBeenNotified()) held.Notify();
    go.WaitForNotification();
  });
  Ear ear;
  hub.Watch("job", ear.Callback());
  hub.Notify("other");
  held.WaitForNotification();
  constexpr int64_t kMany = 100'000;
  for (int64_t i = 1; i <= kMany; ++i) hub.Publish("job", Numbered(i));
  go.Notify();
  hub.Drain();
  EXPECT_LT(ear.heard.size(), 10'000u);
  EXPECT_EQ(ear.heard.front(), 0) << "what was dropped is to be looked up";
  EXPECT_EQ(ear.heard.back(), kMany);
}

TEST(EventHubTest, NoCallbackRunsOnceItIsUnsubscribed) {
  EventHub hub;
  absl::Notification running, unsubscribed;
  const EventHub::Subscription subscription = hub.Subscribe("job", [&] {
    running.Notify();
    EXPECT_FALSE(unsubscribed.WaitForNotificationWithTimeout(absl::Milliseconds(50)));
  });
  hub.Notify("job");
  running.WaitForNotification();
  hub.Unsubscribe(subscription);
  unsubscribed.Notify();
  hub.Notify("job");  // a second call would notify twice, which aborts
  hub.Drain();
}

}  // namespace
}  // namespace halftone
