#include "base/printable.h"

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

constexpr char kEscape[] = "\x1b]0;owned\x07";
constexpr char kC1[] =
    "\xc2\x9b"
    "31m";  // U+009B, which terminals take for ESC [

TEST(PrintableTest, ControlCharactersAndBrokenUtf8AreTold) {
  for (const char* text : {"", "model.onnx", "modèle", "模型", "\xf0\x9f\x8e\xa8", "\xc2\xa0"}) {
    EXPECT_TRUE(IsPrintableUtf8(text)) << text;
    EXPECT_EQ(Printable(text), text);
    EXPECT_EQ(PrintableLine(text), text);
  }
  for (const char* text : {kEscape, kC1, "a\nb", "a\tb", "\x7f", "\xff", "\xc3", "\xed\xa0\x80"}) {
    EXPECT_FALSE(IsPrintableUtf8(text));
    EXPECT_TRUE(IsPrintableUtf8(PrintableLine(text))) << PrintableLine(text);
  }
  EXPECT_FALSE(IsPrintableUtf8(absl::string_view("\0", 1)));
}

TEST(PrintableTest, TheyAreShownByTheirBytes) {
  EXPECT_EQ(Printable(kEscape), "\\x1b]0;owned\\x07");
  EXPECT_EQ(Printable(kC1), "\\xc2\\x9b31m");
  EXPECT_EQ(Printable("a\n\tb\r\xff"), "a\n\tb\\x0d\\xff");
  EXPECT_EQ(PrintableLine("a\n\tb\r"), "a\\n\\tb\\x0d");
}

TEST(PrintableTest, JsonStaysTheSameDocument) {
  const nlohmann::json document = {{"name", std::string(kEscape) + kC1 + "\x7f"}, {"é", 1}};
  const std::string text = PrintableJson(document.dump(2) + "\n");
  EXPECT_EQ(Printable(text), text);
  EXPECT_EQ(nlohmann::json::parse(text), document);
}

}  // namespace
}  // namespace halftone
