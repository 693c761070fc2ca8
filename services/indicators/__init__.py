"""Indicators: the catalogue and the warehouse.

Owns: units through time with their codes and successions, indicators and formulas, forms, regimes, calendar
days (one version number per load that changed something); the observations with their recorded batches, their level of
approval and how they came about; the values derived by formula; proposals of changes on their way to publication.

RPC, by module of `service`:
- catalogue: `load_catalogue`, `read_catalogue`, `catalogue_version`, `list_forms`;
- indicators: `list_indicators`, `find_indicator`, `list_measures`, `list_dimensions`, `recompute`;
- organisation: `list_units`, `find_unit`, `trace_unit`, `list_reforms`, `preview_reform`, `apply_reform`;
- calendar: `next_working_day`, `regime_calendar`;
- observations: `find_observation`, `list_observations`, `list_batches`; comparing: `read_series`, `read_grid`;
  outliers: `scan_outliers`; history: `load_history`, `list_history_loads`; publishing: `publish`,
  `withdraw_publication`, `list_publications`, and for everyone `list_public`, `list_published`;
  exporting: `export_page`, `export_list`, `export_grid`, `export_series`, `export_structures`;
- proposals: `propose`, `submit_proposal`, `review_proposal`, `publish_proposal`, `return_proposal`, `reject_proposal`,
  `withdraw_proposal`, `list_proposals`, `read_proposal`;
- regimes: `list_regimes`, `read_regime`, `read_form`, `form_template`, `export_regime`, `import_regime`,
  `copy_regime`;
- of every service: `describe_status`.

Events in: `submission_finalised`, `observations_requested`.
Events out: `catalogue_changed`, `observations_recorded`, `finalised_requested`, `proposal_moved`.

Never: holds drafts of figures, takes decisions, delivers to partners, removes what was once loaded or recorded.
"""
