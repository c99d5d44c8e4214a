#include "search/stored_model.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/onnx/import.h"
#include "nn/onnx/model_files.h"

namespace halftone {

absl::StatusOr<Graph> ImportStoredModel(const std::string& sha256, const LoadBytes& load) {
  HT_ASSIGN_OR_RETURN(const std::string bytes, load(sha256));
  const absl::StatusOr<std::vector<ModelFile>> files = ParseManifest(bytes);
  if (!files.ok()) return ImportOnnx(bytes, {});
  ExternalContents::Files contents;
  for (const ModelFile& file : *files) {
    absl::StatusOr<std::string> content = load(file.sha256);
    if (!content.ok()) {
      const absl::Status& status = content.status();
      const std::string what = absl::StrCat("the model's file '", file.path, "'");
      if (!absl::IsNotFound(status)) return Annotate(status, what);
      return absl::DataLossError(
          absl::StrCat(what, " is missing, send the model again: ", status.message()));
    }
    contents[file.path] = std::make_shared<const std::string>(*std::move(content));
  }
  return ImportModelFiles(contents);
}

}  // namespace halftone
