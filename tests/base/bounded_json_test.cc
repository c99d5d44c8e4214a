#include "base/bounded_json.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string Refusal(const std::string& text, const JsonLimits& limits = {}) {
  const absl::StatusOr<json> document = ParseBoundedJson(text, limits);
  if (document.ok()) return "accepted";
  EXPECT_TRUE(absl::IsInvalidArgument(document.status())) << document.status();
  return std::string(document.status().message());
}

std::string Repeat(const std::string& part, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += part;
  return text;
}

TEST(BoundedJsonTest, BuildsWhatTheLibraryBuilds) {
  for (const char* text :
       {"7", "-7", "1.5e3", "null", "true", R"("a\u00e9\n")", "[]", "{}",
        R"({"a":[1,[2,{"b":null}],[]],"c":{"d":{"e":"f"}},"g":18446744073709551615})"}) {
    const absl::StatusOr<json> document = ParseBoundedJson(text);
    ASSERT_TRUE(document.ok()) << text << ": " << document.status();
    EXPECT_EQ(*document, json::parse(text)) << text;
    EXPECT_EQ(document->dump(), json::parse(text).dump());
  }
}

TEST(BoundedJsonTest, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,]", "nan", "1e999", "{\"a\":1}x", "\"\xff\"", "{a:1}"}) {
    EXPECT_EQ(Refusal(text), "is not JSON") << text;
  }
}

TEST(BoundedJsonTest, CountsEveryValue) {
  const JsonLimits limits{/*max_values=*/5, /*max_depth=*/10};
  EXPECT_EQ(Refusal("[0,0,0,0]", limits), "accepted");
  EXPECT_THAT(Refusal("[0,0,0,0,0]", limits), HasSubstr("more than 5 values"));
  EXPECT_EQ(Refusal(R"({"a":{"b":[1,2]}})", limits), "accepted");
  EXPECT_THAT(Refusal(R"({"a":{"b":[1,2,[]]}})", limits), HasSubstr("more than 5 values"));
}

TEST(BoundedJsonTest, StopsAtTheLimitWhateverFollows) {
  // Were it read to the end, it would not be JSON.
  EXPECT_THAT(Refusal("[" + Repeat("0,", 100) + "nonsense", {50, 10}),
              HasSubstr("more than 50 values"));
}

TEST(BoundedJsonTest, RefusesWhatIsNestedTooDeep) {
  EXPECT_EQ(Refusal(Repeat("[", 64) + Repeat("]", 64)), "accepted");
  EXPECT_THAT(Refusal(Repeat("[", 65) + Repeat("]", 65)), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(Refusal(Repeat("{\"a\":", 1'000'000)), HasSubstr("nested more than 64 deep"));
}

TEST(BoundedJsonTest, RefusesANameThatIsThereTwice) {
  EXPECT_THAT(Refusal(R"({"rows":1,"columns":{"rows":2},"rows":3})"), HasSubstr("'rows' twice"));
  EXPECT_EQ(Refusal(R"([{"rows":1},{"rows":1}])"), "accepted");
  EXPECT_LT(Refusal(absl::StrCat("{\"", std::string(9000, 'x'), "\":1,\"", std::string(9000, 'x'),
                                 "\":1}"))
                .size(),
            200u);
}

}  // namespace
}  // namespace halftone
