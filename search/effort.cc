#include "search/effort.h"

#include "base/enum_names.h"

namespace halftone {
namespace {

constexpr EnumName<Effort> kEfforts[] = {
    {Effort::kQuick, "quick"}, {Effort::kNormal, "normal"}, {Effort::kThorough, "thorough"}};
constexpr EnumNames<Effort> kEffortNames("effort", kEfforts);

// docs/search.md has this table for users.
const EffortSettings kQuickSettings{SensitivityMethod::kFisher, 64, 4, 8, absl::Seconds(10)};
const EffortSettings kNormalSettings{SensitivityMethod::kFisherCorrected, 0, 4, 64,
                                     absl::Seconds(60)};
const EffortSettings kThoroughSettings{SensitivityMethod::kFisherCorrected, 0, 16, 256,
                                       absl::Seconds(300)};

}  // namespace

absl::StatusOr<Effort> ParseEffort(absl::string_view text) { return kEffortNames.Parse(text); }
absl::string_view EffortName(Effort effort) { return kEffortNames.NameOf(effort); }

const EffortSettings& SettingsOf(Effort effort) {
  switch (effort) {
    case Effort::kQuick:
      return kQuickSettings;
    case Effort::kThorough:
      return kThoroughSettings;
    case Effort::kNormal:
      break;
  }
  return kNormalSettings;
}

SearchSpec SpecWithEffort(Effort effort) {
  const EffortSettings& settings = SettingsOf(effort);
  SearchSpec spec;
  spec.sensitivity.method = settings.method;
  spec.sensitivity.samples = settings.most_samples;
  spec.samples_at_most = settings.most_samples > 0;
  spec.sensitivity.draws = settings.draws;
  spec.evaluations = settings.evaluations;
  spec.time_limit = settings.time_limit;
  return spec;
}

}  // namespace halftone
