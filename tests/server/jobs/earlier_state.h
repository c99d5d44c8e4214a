#ifndef HALFTONE_TESTS_SERVER_JOBS_EARLIER_STATE_H_
#define HALFTONE_TESTS_SERVER_JOBS_EARLIER_STATE_H_

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "server/jobs/sqlite/sqlite.h"

namespace halftone {

// Makes `directory` a state directory of that schema version, of tests/data/state.
inline void MakeEarlierState(int version, const std::string& directory) {
  const std::string stored = absl::StrCat(HALFTONE_SOURCE_DIR "/tests/data/state/version", version);
  const absl::StatusOr<std::string> sql = ReadFile(stored + ".sql");
  ASSERT_TRUE(sql.ok()) << sql.status();
  Database database = *Database::Open(directory + "/state.db");
  const absl::Status made = database.Execute(*sql);
  ASSERT_TRUE(made.ok()) << made;
  if (!std::filesystem::exists(stored + "_blobs")) return;
  std::filesystem::copy(stored + "_blobs", directory + "/blobs",
                        std::filesystem::copy_options::recursive);
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_SERVER_JOBS_EARLIER_STATE_H_
