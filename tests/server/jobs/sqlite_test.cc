#include "server/jobs/sqlite/sqlite.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::HasSubstr;

class DatabaseTest : public testing::Test {
 protected:
  std::string Path() const { return directory_.path() + "/test.db"; }
  TemporaryDirectory directory_;
};

TEST_F(DatabaseTest, ValuesSurviveARoundTrip) {
  Database database = *Database::Open(Path());
  ASSERT_TRUE(database.Execute("CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB)").ok());
  const std::string bytes("a\0b", 3);
  {
    Statement insert = *database.Prepare("INSERT INTO t VALUES (?, ?, ?, ?)");
    insert.Bind(1, int64_t{-7}).Bind(2, 0.25).Bind(3, "x'; DROP TABLE t").BindBlob(4, bytes);
    ASSERT_TRUE(insert.Run().ok());
  }
  Statement select = *database.Prepare("SELECT i, r, s, b FROM t");
  ASSERT_TRUE(*select.Step());
  EXPECT_EQ(select.Int(0), -7);
  EXPECT_EQ(select.Real(1), 0.25);
  EXPECT_EQ(select.Text(2), "x'; DROP TABLE t");
  EXPECT_EQ(select.Text(3), bytes);
  EXPECT_FALSE(*select.Step());
}

TEST_F(DatabaseTest, TransactionWithoutCommitLeavesNothing) {
  Database database = *Database::Open(Path());
  ASSERT_TRUE(database.Execute("CREATE TABLE t (i INTEGER)").ok());
  {
    absl::StatusOr<Transaction> transaction = Transaction::Begin(database);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(database.Execute("INSERT INTO t VALUES (1)").ok());
  }
  Statement count = *database.Prepare("SELECT count(*) FROM t");
  ASSERT_TRUE(*count.Step());
  EXPECT_EQ(count.Int(0), 0);
}

TEST_F(DatabaseTest, FullDiskIsResourceExhausted) {
  Database database = *Database::Open(Path());
  ASSERT_TRUE(database.Execute("CREATE TABLE t (b BLOB)").ok());
  ASSERT_TRUE(database.LimitPages(4).ok());
  Statement insert = *database.Prepare("INSERT INTO t VALUES (zeroblob(100000))");
  const absl::Status status = insert.Run();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  const auto folder = std::filesystem::path(Path()).parent_path().lexically_normal();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat("no room in '", folder.string(), "'")));
  EXPECT_THAT(std::string(status.message()), HasSubstr("halftone gc"));
}

TEST_F(DatabaseTest, AnotherSchemaVersionIsRefused) {
  const std::vector<const char*> steps = {"CREATE TABLE t (i INTEGER)",
                                          "ALTER TABLE t ADD COLUMN j INTEGER"};
  Database database = *Database::Open(Path());
  ASSERT_TRUE(database.EnsureSchema(steps).ok());
  const absl::Status status = database.EnsureSchema(absl::MakeConstSpan(steps).first(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("version 2"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("newer program"));
}

TEST_F(DatabaseTest, AnEarlierSchemaIsBroughtUpToDate) {
  const std::vector<const char*> steps = {"CREATE TABLE t (i INTEGER)",
                                          "ALTER TABLE t ADD COLUMN j INTEGER DEFAULT 7"};
  Database database = *Database::Open(Path());
  ASSERT_TRUE(database.EnsureSchema(absl::MakeConstSpan(steps).first(1)).ok());
  ASSERT_TRUE(database.Execute("INSERT INTO t (i) VALUES (1)").ok());
  ASSERT_TRUE(database.EnsureSchema(steps).ok());
  ASSERT_TRUE(database.EnsureSchema(steps).ok());
  Statement select = *database.Prepare("SELECT i, j FROM t");
  ASSERT_TRUE(*select.Step());
  EXPECT_EQ(select.Int(0), 1);
  EXPECT_EQ(select.Int(1), 7);
}

TEST_F(DatabaseTest, AMigrationThatFailsLeavesTheVersionBefore) {
  Database database = *Database::Open(Path());
  const std::vector<const char*> bad = {"CREATE TABLE t (i INTEGER)",
                                        "CREATE TABLE u (i INTEGER); no SQL"};
  ASSERT_TRUE(database.EnsureSchema(absl::MakeConstSpan(bad).first(1)).ok());
  EXPECT_FALSE(database.EnsureSchema(bad).ok());
  EXPECT_TRUE(database.Execute("CREATE TABLE u (i INTEGER)").ok());
  EXPECT_TRUE(database.EnsureSchema(absl::MakeConstSpan(bad).first(1)).ok());
}

TEST_F(DatabaseTest, NotADatabaseIsDataLoss) {
  std::ofstream(Path()) << std::string(4096, 'x');
  const absl::Status status = Database::Open(Path()).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(Path()));
}

TEST_F(DatabaseTest, ConstraintsAndForeignKeysHold) {
  Database database = *Database::Open(Path());
  ASSERT_TRUE(database
                  .Execute("CREATE TABLE a (i INTEGER PRIMARY KEY);"
                           "CREATE TABLE b (a INTEGER REFERENCES a (i))")
                  .ok());
  EXPECT_TRUE(absl::IsAlreadyExists(database.Execute("INSERT INTO b VALUES (1)")));
}

}  // namespace
}  // namespace halftone
