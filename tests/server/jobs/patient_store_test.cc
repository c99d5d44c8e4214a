#include "server/jobs/patient_store.h"

#include <vector>

#include "base/fake_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/jobs/scripted_store.h"

namespace halftone {
namespace {

using testing::ElementsAre;

const absl::Status kFull = absl::ResourceExhaustedError("disk full");
const absl::Status kInUse = absl::UnavailableError("database is locked");

class PatientStoreTest : public testing::Test {
 protected:
  PatientStore Patient(ScriptedStore* store) {
    return PatientStore(store, cancellation_,
                        {[this] { log_.push_back("began"); }, [this] { log_.push_back("ended"); }},
                        [this](absl::Duration wait) {
                          waits_.push_back(wait);
                          log_.push_back("wait");
                          clock_.Advance(wait);
                        });
  }

  FakeSteadyClock clock_;
  Cancellation cancellation_{clock_};
  std::vector<absl::Duration> waits_;
  std::vector<std::string> log_;  // of the waits, and of what the observer was told
};

TEST_F(PatientStoreTest, WhatMayPassIsTriedAgainLessAndLessOften) {
  ScriptedStore store({kFull, kInUse, kFull, kFull, kFull, kFull});
  EXPECT_TRUE(Patient(&store).StoreStage(Stage::kSolve, "key", "bytes").ok());
  EXPECT_EQ(store.calls(), 7u);
  EXPECT_THAT(waits_, ElementsAre(absl::Milliseconds(50), absl::Milliseconds(100),
                                  absl::Milliseconds(200), absl::Milliseconds(400),
                                  absl::Milliseconds(500), absl::Milliseconds(500)));
}

TEST_F(PatientStoreTest, EveryCallIsTriedAgain) {
  ScriptedStore store({kFull, absl::OkStatus(), kFull, absl::OkStatus(), kFull});
  PatientStore patient = Patient(&store);
  EXPECT_EQ(*patient.StoreBlob("bytes"), "value");
  EXPECT_EQ(*patient.LoadStage(Stage::kSolve, "key"), "value");
  EXPECT_EQ(*patient.LoadBlob("sha256"), "value");
  EXPECT_EQ(store.calls(), 6u);
}

TEST_F(PatientStoreTest, ItsPatienceEnds) {
  ScriptedStore store(std::vector<absl::Status>(1000, kFull));
  const SteadyTime begin = clock_.Now();
  EXPECT_EQ(Patient(&store).StoreBlob("bytes").status(), kFull);
  EXPECT_GE(clock_.Now() - begin, PatientStore::kPatience);
  EXPECT_LT(clock_.Now() - begin, PatientStore::kPatience + absl::Seconds(1));
}

TEST_F(PatientStoreTest, OtherErrorsAreAnsweredAtOnce) {
  ScriptedStore store({absl::NotFoundError("no output")});
  EXPECT_TRUE(absl::IsNotFound(Patient(&store).LoadStage(Stage::kSolve, "key").status()));
  EXPECT_THAT(waits_, testing::IsEmpty());
}

TEST_F(PatientStoreTest, ACancelledJobWaitsNoLonger) {
  ScriptedStore store(std::vector<absl::Status>(1000, kFull));
  PatientStore patient(&store, cancellation_, {},
                       [this](absl::Duration) { cancellation_.Cancel(); });
  EXPECT_EQ(patient.StoreBlob("bytes").status(), kFull);
  EXPECT_EQ(store.calls(), 2u);
}

TEST_F(PatientStoreTest, TheObserverIsToldOfEachCallThatWaits) {
  ScriptedStore store({absl::OkStatus(), kFull, kFull, absl::OkStatus(), kFull});
  PatientStore patient = Patient(&store);
  EXPECT_TRUE(patient.StoreBlob("bytes").ok());
  EXPECT_THAT(log_, testing::IsEmpty());
  EXPECT_TRUE(patient.StoreStage(Stage::kSolve, "key", "bytes").ok());
  EXPECT_THAT(log_, ElementsAre("began", "wait", "wait", "ended"));
  EXPECT_TRUE(patient.LoadBlob("sha256").ok());
  EXPECT_THAT(log_, ElementsAre("began", "wait", "wait", "ended", "began", "wait", "ended"));
}

TEST_F(PatientStoreTest, TheObserverIsToldTheEndAlsoOfWhatFails) {
  ScriptedStore store({kFull, absl::DataLossError("damaged")});
  EXPECT_TRUE(absl::IsDataLoss(Patient(&store).LoadBlob("sha256").status()));
  EXPECT_THAT(log_, ElementsAre("began", "wait", "ended"));
}

}  // namespace
}  // namespace halftone
