#ifndef HALFTONE_CLIENT_EXPORTED_TEXT_H_
#define HALFTONE_CLIENT_EXPORTED_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// The file that a search writes its network into.
inline constexpr char kExportedFile[] = "quantized.onnx";

// What that file is, how it is run, and what of the precisions it packs and what it only simulates;
// `exported` and `assignment` as in the result's document.
std::string ExportedText(const nlohmann::json& exported, const nlohmann::json& assignment);
// The same where only the file's name is known: a line.
std::string ExportedLine();

}  // namespace halftone

#endif  // HALFTONE_CLIENT_EXPORTED_TEXT_H_
